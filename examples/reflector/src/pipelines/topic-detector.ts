import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Topic, Word } from '../data/topics.ts'
import type { LanguageModel } from '../outside/language-model.ts'
import { titleCase } from './title-case.ts'

const form = z.object({ title: z.string(), summary: z.string() })
const instruction = `Give the topic of this part of a conversation as JSON: {"title": …, "summary": …}.`

/** Cuts a conversation into topics while it goes on: a topic ends when enough has been said. */
export class TopicDetector {
  readonly #model: LanguageModel
  readonly #of: { readonly transcriptId: string; readonly minLength: number }
  #words: Word[] = []
  #found = 0

  constructor(model: LanguageModel, of: { transcriptId: string; minLength: number }) {
    this.#model = model
    this.#of = of
  }

  /** Takes the next words; the topic that they complete, if they do. */
  async push(words: readonly Word[]): Promise<Topic | undefined> {
    this.#words.push(...words)
    return textOf(this.#words).length > this.#of.minLength ? this.flush() : undefined
  }

  /** What has been said since the last topic, as a topic. */
  async flush(): Promise<Topic | undefined> {
    const words = this.#words
    const [first, last] = [words[0], words.at(-1)]
    if (first === undefined || last === undefined) return undefined
    this.#words = []
    const transcript = textOf(words)
    const { title, summary } = await this.#model.answer(instruction, transcript, form)
    const id = topicId(this.#of.transcriptId, this.#found++)
    return {
      id,
      title: titleCase(title),
      summary,
      timestamp: first.start,
      duration: last.end - first.start,
      transcript,
      words,
    }
  }
}

const textOf = (words: readonly Word[]): string => words.map(({ text }) => text).join(' ')

/** The same for the same place in a transcript: a pipeline that runs again makes no second topic. */
function topicId(transcriptId: string, index: number): string {
  const hex = createHash('sha256').update(`${transcriptId} ${index}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
}
