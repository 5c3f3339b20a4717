import { Hono } from 'hono'
import * as z from 'zod'
import { read } from './reading.ts'

const request = z.object({
  model: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })).min(1),
})

/**
 * A language model behind OpenAI's chat API. It has no neurons: it sees from the instruction what is
 * asked, and answers by counting words. The same question has the same answer.
 */
export function languageModel(): Hono {
  return new Hono().post('/chat/completions', async (context) => {
    if (context.req.header('authorization') === undefined)
      return context.json({ error: { message: 'an API key is missing' } }, 401)
    const { model, messages } = request.parse(await context.req.json())
    const asked = messages.find(({ role }) => role === 'system')?.content ?? ''
    const text = messages.findLast(({ role }) => role === 'user')?.content ?? ''
    const content = answer(asked, text)
    return context.json({
      id: 'chatcmpl-stand-in',
      object: 'chat.completion',
      created: Math.floor(Date.now() / 1000),
      model,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
      usage: {
        prompt_tokens: text.split(/\s+/).length,
        completion_tokens: content.split(/\s+/).length,
      },
    })
  })
}

function answer(asked: string, text: string): string {
  const { topics, centre } = read(text)
  const [first = 'conversation', second = 'discussion', third = second] = topics
  if (/topic of this part/i.test(asked))
    return JSON.stringify({ title: `the ${first} and the ${second}`, summary: centre })
  if (/title/i.test(asked)) return `planning the ${first}, the ${second} and the ${third}`
  if (/subjects/i.test(asked)) return JSON.stringify({ subjects: topics.slice(0, 3).map(capital) })
  if (/one subject/i.test(asked)) return aboutSubject(text)
  if (/recap/i.test(asked)) return `The talk was about the ${first} and the ${second}. ${centre}`
  return centre
}

/** The first line names the subject; the rest is what was said. */
function aboutSubject(text: string): string {
  const [subject = '', ...rest] = text.split('\n')
  const { sentences } = read(rest.join(' '))
  const found = sentences.filter((one) => one.toLowerCase().includes(subject.toLowerCase()))
  return found.slice(0, 2).join(' ') || (sentences[0] ?? '')
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
