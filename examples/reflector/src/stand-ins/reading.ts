/** What a small machine can say about a text by counting its words. */
export interface Reading {
  /** The most frequent words that say something, most frequent first. */
  readonly topics: readonly string[]
  /** The sentence that shares most with all others. */
  readonly centre: string
  readonly sentences: readonly string[]
}

/** Reads a text. */
export function read(text: string): Reading {
  const sentences = text.match(/[^.!?]+[.!?]+/g)?.map((sentence) => sentence.trim()) ?? []
  const counts = new Map<string, number>()
  for (const word of tellingWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const topics = [...counts]
    .sort(([a, many], [b, few]) => few - many || b.length - a.length || a.localeCompare(b))
    .map(([word]) => word)
  const weight = (sentence: string): number => {
    const words = tellingWords(sentence)
    const sum = words.reduce((so, word) => so + (counts.get(word) ?? 0), 0)
    return words.length < 4 ? 0 : sum / words.length
  }
  const centre = [...sentences].sort((a, b) => weight(b) - weight(a))[0] ?? text.trim()
  return { topics, centre, sentences }
}

function tellingWords(text: string): string[] {
  const words = text.toLowerCase().match(/\p{Letter}{4,}/gu) ?? []
  return words.filter((word) => !silent.has(word))
}

const silent = new Set(
  `about after again also anybody before being both comes could does done each even every first from
  good have here into just keep keeps know like long made make more most must need next nobody once
  only other others over same should some somebody start still take than that their them then there
  these they this those through time today very want were what when where which while whose will with
  without would write year yesterday your morning agreed without running looked enough`.split(
    /\s+/,
  ),
)
