/** A function at the top level of a script: from `local function name` to `end`, both at the beginning of their lines. */
interface Block {
  readonly name: string
  readonly text: string
}

const oneLine = /^local function \w+\(.*\bend$/

/**
 * A Lua script without those of its shared functions that it does not use. Redis runs a script from its first line at
 * each call, and making a function costs it 0.25 µs: of the 47 that most scripts share, most use five.
 *
 * It reads no Lua, only what this house writes: a function of the top level begins with `local function` and ends with
 * `end` at the beginning of a line, or is one line. Names are looked for outside of comments and quoted texts; whatever
 * else stands at the top level is kept, and what it names.
 */
export function onlyUsed(source: string): string {
  const parts = partsOf(source)
  const blocks = new Map<string, Block[]>()
  for (const part of parts) {
    if (typeof part !== 'string') blocks.set(part.name, [...(blocks.get(part.name) ?? []), part])
  }
  const used = new Set<Block>()
  const open = [parts.filter((part) => typeof part === 'string').join('\n')]
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    for (const name of namesIn(text)) {
      for (const block of blocks.get(name) ?? []) {
        if (used.has(block)) continue
        used.add(block)
        open.push(block.text)
      }
    }
  }
  return parts
    .flatMap((part) => (typeof part === 'string' ? part : used.has(part) ? part.text : []))
    .join('\n')
}

/** Functions, and the lines between them; comments that stand alone are left out. */
function partsOf(source: string): (string | Block)[] {
  const lines = source.split('\n')
  const parts: (string | Block)[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    const [, name] = /^local function (\w+)/.exec(line) ?? []
    if (name === undefined) {
      if (!line.startsWith('--')) parts.push(line)
      continue
    }
    const from = i
    if (!oneLine.test(line)) while (i < lines.length - 1 && lines[i] !== 'end') i++
    parts.push({ name, text: lines.slice(from, i + 1).join('\n') })
  }
  return parts
}

function namesIn(text: string): ReadonlySet<string> {
  const code = text.replaceAll(/--.*/g, '').replaceAll(/'[^']*'/g, '')
  return new Set(code.match(/\b[A-Za-z_]\w*\b/g))
}
