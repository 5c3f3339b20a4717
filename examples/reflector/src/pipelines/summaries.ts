import * as z from 'zod'
import type { Topic } from '../data/topics.ts'
import type { LanguageModel } from '../outside/language-model.ts'
import { titleCase } from './title-case.ts'

const subjectsForm = z.object({ subjects: z.array(z.string()) })

/** One title for the whole conversation, from those of its topics. */
export async function titleOf(model: LanguageModel, topics: readonly Topic[]): Promise<string> {
  const text = topics.map(({ title, summary }) => `${title}. ${summary}`).join('\n')
  return titleCase(await model.say('Give one title for this conversation.', text))
}

/** A recap, and a paragraph on each subject below it. */
export async function summariesOf(
  model: LanguageModel,
  topics: readonly Topic[],
): Promise<{ short: string; long: string }> {
  const text = topics.map(({ transcript }) => transcript).join('\n')
  const subjects = await subjectsOf(model, text)
  const paragraphs: string[] = []
  for (const subject of subjects) {
    const said = await model.say('Sum up what was said on one subject.', `${subject}\n${text}`)
    paragraphs.push(`**${subject}**\n\n${said}`)
  }
  const short = await model.say('Write a quick recap of this conversation.', text)
  const long = ['# Quick recap', short, '# Summary', ...paragraphs].join('\n\n')
  return { short, long }
}

/** At most six. A model that finds none has found none: the recap stands by itself. */
async function subjectsOf(model: LanguageModel, text: string): Promise<string[]> {
  try {
    const instruction = 'List the subjects of this conversation as JSON: {"subjects": […]}.'
    return (await model.answer(instruction, text, subjectsForm)).subjects.slice(0, 6)
  } catch {
    return []
  }
}
