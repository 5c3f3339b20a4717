import type { JSX } from 'preact'
import { clock, Topics } from './topics.tsx'
import { useWatched } from './watched.ts'
import { Waveform } from './waveform.tsx'
import { WorkflowGraph } from './workflow-graph.tsx'

/** One transcript: what is known of it, and beside it the work that finds it out. */
export function TranscriptView(props: {
  id: string
  onProcess: () => void
  onResume: () => void
}): JSX.Element {
  const { transcript, work, topics, waveform, spoken, log } = useWatched(props.id)
  if (transcript === undefined) return <main class="empty">…</main>
  const { status, duration } = transcript
  const [room, recap] = [transcript.room ?? '', transcript.short_summary ?? '']
  const done = status === 'ended' || status === 'error'
  return (
    <>
      <main>
        <header>
          <h2 id="title">{transcript.title ?? (transcript.name || 'Unnamed')}</h2>
          <p>
            <span id="status" class={`badge ${status}`}>
              {status}
            </span>
            {duration !== null && <span> {clock(duration / 1000)}</span>}
            {room !== '' && <span> · room {room}</span>}
            {done && transcript.source_kind !== 'live' && (
              <button class="quiet" onClick={props.onProcess}>
                Process again
              </button>
            )}
          </p>
        </header>
        {waveform.length > 0 && (
          <Waveform values={waveform} topics={topics} duration={duration ?? 0} />
        )}
        {status === 'ended' && (
          <audio controls preload="none" src={`/v1/transcripts/${transcript.id}/audio/mp3`} />
        )}
        {recap !== '' && (
          <section class="summary">
            <h3>Quick recap</h3>
            <p>{recap}</p>
            <details>
              <summary>Summary by subject</summary>
              {subjects(transcript.long_summary ?? '').map(({ title, text }) => (
                <p key={title}>
                  <b>{title}</b>: {text}
                </p>
              ))}
            </details>
          </section>
        )}
        {topics.length > 0 ? (
          <Topics topics={topics} />
        ) : (
          !done && <p class="spoken">{spoken.join(' ') || waitingFor(status)}</p>
        )}
      </main>
      <aside>
        <h3>Work</h3>
        {work !== undefined && <WorkflowGraph work={work} transcript={transcript} />}
        {work?.state === 'failed' && (
          <p class="halted">
            A step has failed for good.{' '}
            <button id="resume" onClick={props.onResume}>
              Resume
            </button>
            <br />
            <small>What is done is not done again.</small>
          </p>
        )}
        <h3>Events</h3>
        <ol class="log">
          {log.toReversed().map(({ at, text }, index) => (
            <li key={log.length - index}>
              <time>{at}</time> {text}
            </li>
          ))}
        </ol>
      </aside>
    </>
  )
}

/** What an empty page says. */
const waitingFor = (status: string): string =>
  ({ recording: 'Somebody speaks…', processing: 'The recording is being listened to…' })[status] ??
  'Nothing has been recorded yet.'

/** The paragraphs of the long summary that begin with a subject in bold. */
function subjects(markdown: string): { title: string; text: string }[] {
  const found = markdown.matchAll(/\*\*(.+?)\*\*\n\n([^]*?)(?=\n\n\*\*|$)/g)
  return [...found].map(([, title = '', text = '']) => ({ title, text }))
}
