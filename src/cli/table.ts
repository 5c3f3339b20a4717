/** How a column is printed. */
export interface Column {
  readonly title: string
  /** Default left; numbers go right. */
  readonly align?: 'left' | 'right' | undefined
}

/** What paints a text; the identity where there is no colour. */
export type Paint = (text: string) => string

/**
 * Lines of a table, columns as wide as their widest cell and two spaces apart. Cells are plain text; the
 * header alone is painted, so that widths are what they seem.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  paintTitle: Paint = (text) => text,
): string[] {
  const cells = rows.map((row) => row.map(String))
  const widths = columns.map(({ title }, i) =>
    Math.max(width(title), ...cells.map((row) => width(row[i] ?? ''))),
  )
  const line = (row: readonly string[]): string =>
    columns
      .map(({ align }, i) => pad(row[i] ?? '', widths[i] ?? 0, align ?? 'left'))
      .join('  ')
      .trimEnd()
  return [paintTitle(line(columns.map(({ title }) => title))), ...cells.map(line)]
}

/** Columns that a text takes on a terminal: combining marks take none, wide characters two. */
export function width(text: string): number {
  let columns = 0
  for (const character of text) {
    if (/\p{Mark}/u.test(character) || character === '\u200d') continue
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(
        character,
      )
        ? 2
        : 1
  }
  return columns
}

/** A text filled with spaces to a width. */
export function pad(text: string, to: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, to - width(text)))
  return align === 'left' ? text + fill : fill + text
}
