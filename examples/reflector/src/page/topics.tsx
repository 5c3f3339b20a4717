import type { JSX } from 'preact'
import type { Topic, Word } from './api.ts'
import { speakerColour } from './speakers.ts'

/** What was said, topic by topic, with who said it. */
export function Topics(props: { topics: readonly Topic[] }): JSX.Element {
  return (
    <ol class="topics">
      {props.topics.map((topic) => (
        <li key={topic.id}>
          <h3>
            <time>{clock(topic.timestamp)}</time> {topic.title}
          </h3>
          {turns(topic.words).map((words) => {
            const speaker = words[0]?.speaker ?? 0
            return (
              <p key={words[0]?.start} class="turn" style={{ borderColor: speakerColour(speaker) }}>
                <b style={{ color: speakerColour(speaker) }}>Speaker {speaker + 1}</b>{' '}
                {words.map(({ text }) => text).join(' ')}
              </p>
            )
          })}
        </li>
      ))}
    </ol>
  )
}

function turns(words: readonly Word[]): Word[][] {
  const out: Word[][] = []
  for (const word of words) {
    const last = out.at(-1)
    if (last?.[0]?.speaker === word.speaker) last.push(word)
    else out.push([word])
  }
  return out
}

/** Seconds as minutes and seconds. */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
}
