import * as z from 'zod'
import { ask } from './ask.ts'

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
})

/** A language model behind OpenAI's chat API. */
export class LanguageModel {
  readonly #access: { readonly url: string; readonly key: string; readonly model: string }

  constructor(access: { readonly url: string; readonly key: string; readonly model: string }) {
    this.#access = access
  }

  /** What the model says to `text` under this instruction. */
  async say(instruction: string, text: string, json = false): Promise<string> {
    const { url, key, model } = this.#access
    const messages = [
      { role: 'system', content: instruction },
      { role: 'user', content: text },
    ]
    const format = json ? { response_format: { type: 'json_object' } } : {}
    const answer = await ask(`${url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, messages, temperature: 0.3, ...format }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      timeout: 90_000,
      service: 'the language model',
    })
    return completion.parse(await answer.json()).choices[0]?.message.content ?? ''
  }

  /** The same, as data. @throws Error when the model does not keep to the form. */
  async answer<T>(instruction: string, text: string, form: z.ZodType<T>): Promise<T> {
    const said = await this.say(instruction, text, true)
    try {
      return form.parse(JSON.parse(said))
    } catch (cause) {
      throw new Error(`the language model did not keep to the form: ${said.slice(0, 120)}`, {
        cause,
      })
    }
  }
}
