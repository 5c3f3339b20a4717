import { useEffect, useState } from 'preact/hooks'
import { clock } from './topics.tsx'
import {
  getTranscript,
  getWork,
  socket,
  type Told,
  type Topic,
  type Transcript,
  type Work,
} from './api.ts'

/** A transcript as it comes to be. */
export interface Watched {
  readonly transcript: Transcript | undefined
  readonly work: Work | undefined
  readonly topics: readonly Topic[]
  readonly waveform: readonly number[]
  /** What is being said, newest last. */
  readonly spoken: readonly string[]
  readonly log: readonly { readonly at: string; readonly text: string }[]
}

const nothing: Watched = {
  transcript: undefined,
  work: undefined,
  topics: [],
  waveform: [],
  spoken: [],
  log: [],
}

/** Follows a transcript: told of each event, asking for the work while it goes on. */
export function useWatched(id: string | undefined): Watched {
  const [watched, setWatched] = useState(nothing)
  useEffect(() => {
    setWatched(nothing)
    if (id === undefined) return
    let over = false
    const refresh = async (): Promise<void> => {
      const [transcript, work] = await Promise.all([getTranscript(id), getWork(id)])
      if (!over) setWatched((before) => ({ ...before, transcript, work }))
    }
    const ws = socket(id, 'events')
    ws.addEventListener('message', ({ data }: MessageEvent<string>) => {
      const told = JSON.parse(data) as Told
      setWatched((before) => after(before, told))
      if (told.event.startsWith('FINAL') || told.event === 'STATUS') void refresh()
    })
    void refresh()
    const timer = setInterval(() => void refresh(), 400)
    return () => {
      over = true
      clearInterval(timer)
      ws.close()
    }
  }, [id])
  return watched
}

function after(before: Watched, { event, data }: Told): Watched {
  const line = { at: new Date().toLocaleTimeString(), text: lineOf(event, data) }
  const log = [...before.log, line].slice(-60)
  if (event === 'WAVEFORM') return { ...before, log, waveform: data['waveform'] as number[] }
  if (event === 'TRANSCRIPT')
    return { ...before, log, spoken: [...before.spoken, String(data['text'])] }
  if (event === 'STATUS' && data['value'] === 'processing' && before.spoken.length === 0)
    return { ...before, log, topics: [] }
  if (event !== 'TOPIC') return { ...before, log }
  const topic = data as unknown as Topic
  const others = before.topics.filter((one) => one.id !== topic.id)
  const topics = [...others, topic].sort((a, b) => a.timestamp - b.timestamp)
  return { ...before, log, topics }
}

/** An event, for people. */
function lineOf(event: string, data: Told['data']): string {
  const text = (name: string): string => (typeof data[name] === 'string' ? data[name] : '')
  const duration = data['duration']
  const lines: Record<string, string> = {
    STATUS: `the transcript is ${text('value')}`,
    TRANSCRIPT: `heard: ${text('text')}`,
    TOPIC: `topic: ${text('title')}`,
    FINAL_TITLE: `title: ${text('title')}`,
    FINAL_SHORT_SUMMARY: 'the recap is written',
    FINAL_LONG_SUMMARY: 'the summary is written',
    WAVEFORM: 'the waveform is drawn',
    DURATION: `it is ${clock(typeof duration === 'number' ? duration / 1000 : 0)} long`,
  }
  return (lines[event] ?? event).slice(0, 120)
}
