const small = new Set('a an and as at but by for in of on or the to with'.split(' '))

/** A Title as One Writes It in English. */
export function titleCase(text: string): string {
  const words = text.trim().replace(/\s+/g, ' ').split(' ')
  return words
    .map((word, index) =>
      index > 0 && small.has(word.toLowerCase())
        ? word.toLowerCase()
        : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join(' ')
}
