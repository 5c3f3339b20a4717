import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import {
  createTranscript,
  listTranscripts,
  processAgain,
  resumeWork,
  upload,
  type Transcript,
} from './api.ts'
import { playConversation, recordMicrophone, type LiveRecording } from './record.ts'
import { TranscriptView } from './transcript-view.tsx'
import { clock } from './topics.tsx'

/** The whole page: the transcripts on the left, the one that is open beside them. */
export function App(): JSX.Element {
  const [list, setList] = useState<readonly Transcript[]>([])
  const [open, setOpen] = useState(openFromAddress)
  const [fault, setFault] = useState('')
  const [live, setLive] = useState<LiveRecording>()
  const file = useRef<HTMLInputElement>(null)

  useEffect(() => {
    const refresh = (): void => void listTranscripts().then(setList, () => {})
    refresh()
    const timer = setInterval(refresh, 1500)
    return () => clearInterval(timer)
  }, [])

  const show = (id: string): void => {
    history.replaceState(null, '', `/transcripts/${id}`)
    setOpen(id)
  }
  const attempt = (work: () => Promise<void>): void => {
    setFault('')
    work().catch((error: unknown) =>
      setFault(error instanceof Error ? error.message : String(error)),
    )
  }
  const send = (chosen: File): void =>
    attempt(async () => {
      const { id } = await createTranscript('file', chosen.name)
      show(id)
      await upload(id, chosen)
    })
  const sendDemo = (): void =>
    attempt(async () => {
      const sound = await (await fetch('/v1/demo/recording.wav')).blob()
      const { id } = await createTranscript('file', 'Two people plan a migration')
      show(id)
      await upload(id, new File([sound], 'conversation.wav'))
    })
  const start = (how: () => Promise<LiveRecording>): void =>
    attempt(async () => {
      const recording = await how()
      setLive(recording)
      show(recording.id)
      void recording.ended.then(() => setLive(undefined))
    })
  const stop = (): void => {
    live?.stop()
    setLive(undefined)
  }

  return (
    <div class="page">
      <nav>
        <h1>Reflector</h1>
        <p class="hint">Who said what, and what it comes to. Each step is a task on Taskwright.</p>
        <div class="actions">
          <button id="demo-file" onClick={sendDemo}>
            Upload the demo recording
          </button>
          <button id="demo-live" onClick={() => start(playConversation)}>
            Play it live
          </button>
          <button onClick={() => file.current?.click()}>Upload a file…</button>
          {live === undefined ? (
            <button onClick={() => start(recordMicrophone)}>Record</button>
          ) : (
            <button class="stop" onClick={stop}>
              Stop recording
            </button>
          )}
          <input
            id="file"
            ref={file}
            type="file"
            accept="audio/*,video/*"
            hidden
            onChange={({ currentTarget }) => {
              const [chosen] = currentTarget.files ?? []
              if (chosen !== undefined) send(chosen)
              currentTarget.value = ''
            }}
          />
        </div>
        {fault !== '' && <p class="fault">{fault}</p>}
        <ul class="list">
          {list.map((one) => (
            <li key={one.id} class={one.id === open ? 'open' : ''}>
              <button onClick={() => show(one.id)}>
                <span>{one.title ?? (one.name || 'Unnamed')}</span>
                <small>
                  <i class={`dot ${one.status}`} /> {one.status}
                  {one.duration !== null && ` · ${clock(one.duration / 1000)}`}
                </small>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      {open === undefined ? (
        <main class="empty">
          <div>
            <p>Upload a recording, or play the conversation, and watch:</p>
            <ol>
              <li>A transcriber writes down what is said, and a diarizer tells who says it.</li>
              <li>A language model finds the topics, a title and a summary.</li>
              <li>Zulip and a webhook are told.</li>
            </ol>
            <p>
              Each step is a task in a queue, run by worker processes; the steps and their order
              stand on the right.
            </p>
          </div>
        </main>
      ) : (
        <TranscriptView
          id={open}
          onProcess={() => attempt(async () => void (await processAgain(open)))}
          onResume={() => attempt(async () => void (await resumeWork(open)))}
        />
      )}
    </div>
  )
}

function openFromAddress(): string | undefined {
  return /^\/transcripts\/([\w-]+)/.exec(location.pathname)?.[1]
}
