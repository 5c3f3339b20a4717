/**
 * Text that may be printed on a terminal: control characters, which could move the cursor, recolour the
 * screen or forge lines, are shown as escapes. Everything that comes from messages, results and the
 * store goes through here before people see it.
 */
export function safeText(text: string): string {
  let safe = ''
  for (const character of text) {
    safe += unsafe(character.codePointAt(0) ?? 0) ? escaped(character) : character
  }
  return safe
}

/** {@link safeText} for text of several lines: line feeds stay. */
export function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n')
}

/** C0, DEL and C1 controls, lone surrogates, and the marks that reorder text. */
function unsafe(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0x2028 ||
    code === 0x2029
  )
}

function escaped(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
  if (short !== undefined) return short
  const code = character.charCodeAt(0)
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
