/** A part of a document under its heading. */
export interface Section {
  readonly title: string
  readonly text: string
}

/** What is measured in a section. */
export interface Measures {
  readonly words: number
  readonly sentences: number
  /** Words in the longest sentence. */
  readonly longestSentence: number
  /** Different words by all words, 0 to 1: how rich the language is. */
  readonly richness: number
  readonly readingSeconds: number
  /** The most frequent words that say something. */
  readonly topWords: readonly string[]
  /** The sentence that shares most with all others: a summary in one line. */
  readonly centralSentence: string
}

/** Cuts a document at its `## headings`. What stands before the first is its title page. */
export function cutSections(document: string): Section[] {
  return document
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...lines] = part.split('\n')
      return { title: title.trim(), text: lines.join(' ').replace(/\s+/g, ' ').trim() }
    })
}

/** Measures a text. */
export function measure(text: string): Measures {
  const words = wordsOf(text)
  const sentences = text.match(/[^.!?]+[.!?]+/g)?.map((sentence) => sentence.trim()) ?? []
  const lengths = sentences.map((sentence) => wordsOf(sentence).length)
  return {
    words: words.length,
    sentences: sentences.length,
    longestSentence: Math.max(0, ...lengths),
    richness: words.length === 0 ? 0 : new Set(words).size / words.length,
    readingSeconds: Math.round((words.length / wordsPerMinute) * 60),
    topWords: mostFrequent(words.filter((word) => !stopWords.has(word) && word.length > 2)),
    centralSentence: central(sentences),
  }
}

const wordsPerMinute = 230

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{Letter}+(?:'\p{Letter}+)?/gu) ?? []
}

function mostFrequent(words: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort(([a, many], [b, few]) => few - many || a.localeCompare(b))
    .slice(0, 3)
    .map(([word]) => word)
}

/** Every sentence is compared with every other by the words that they share. */
function central(sentences: readonly string[]): string {
  const bags = sentences.map(
    (sentence) => new Set(wordsOf(sentence).filter((word) => !stopWords.has(word))),
  )
  const scores = bags.map((bag) => bags.reduce((sum, other) => sum + overlap(bag, other), 0))
  return sentences[scores.indexOf(Math.max(...scores))] ?? ''
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length
  return shared / Math.max(1, a.size + b.size - shared)
}

const stopWords = new Set(
  `a about after again all also an and another any are as at be because been before but by can could
  did do does done down each even ever every few first for from had half has have having he her here
  him his how however if in into is it its itself just last like long made make many may me more most
  much must my need needs never no nobody not nothing now of off on once one only or other others our
  out over own said same say says see she should since so some somebody something still such take than
  that the their them then there these they thing things this those though through time to together
  too took two under until up us very was way we well went were what when where which while who whole
  whoever why will with without would yet you your`.split(/\s+/),
)
