import type { TranscriptEvent } from '../data/events.ts'
import type { Topic, Word } from '../data/topics.ts'
import type { Transcript } from '../data/transcripts.ts'

const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string): string =>
  colour ? `\u001B[${code}m${text}\u001B[0m` : text
const grey = (text: string): string => paint(90, text)
const bold = (text: string): string => paint(1, text)
const voices = [34, 33]

/** A heading. */
export function heading(text: string): void {
  console.log(`\n  ${bold(text)}`)
}

/** A line of progress. */
export function line(name: string, text: string): void {
  console.log(`  ${grey(name.padEnd(10))}${text}`)
}

/** An event of a transcript, in one line. */
export function eventLine({ event, data }: TranscriptEvent): void {
  const texts: Partial<Record<TranscriptEvent['event'], string>> = {
    STATUS: 'value' in data ? data.value : '',
    TOPIC: 'title' in data ? data.title : '',
    FINAL_TITLE: 'title' in data ? data.title : '',
    TRANSCRIPT: 'text' in data ? data.text : '',
    DURATION: 'duration' in data ? `${(data.duration / 1000).toFixed(1)} s` : '',
    WAVEFORM: 'waveform' in data ? sparkline(data.waveform) : '',
    FINAL_SHORT_SUMMARY: 'short_summary' in data ? data.short_summary : '',
  }
  const text = texts[event]
  if (text !== undefined) line('event', `${event.padEnd(20)} ${cut(text, 70)}`)
}

/** What a transcript came to. */
export function printTranscript(transcript: Transcript, topics: readonly Topic[]): void {
  heading(transcript.title ?? 'Untitled')
  for (const { title, timestamp, words } of topics) {
    console.log(`\n  ${grey(clock(timestamp))} ${bold(title)}`)
    for (const turn of turnsOf(words)) {
      const speaker = turn[0]?.speaker ?? 0
      const who = paint(voices[speaker % voices.length] ?? 0, `Speaker ${speaker + 1}`)
      console.log(`    ${who}  ${wrapped(turn.map(({ text }) => text).join(' '))}`)
    }
  }
  console.log(`\n  ${bold('Quick recap')}\n    ${wrapped(transcript.short_summary ?? 'none', 4)}`)
}

/** A check, and whether it holds. */
export function check(holds: boolean, text: string): boolean {
  console.log(`  ${holds ? paint(32, '✓') : paint(31, '✗')} ${text}`)
  return holds
}

function turnsOf(words: readonly Word[]): Word[][] {
  const turns: Word[][] = []
  for (const word of words) {
    const last = turns.at(-1)
    if (last?.[0]?.speaker === word.speaker) last.push(word)
    else turns.push([word])
  }
  return turns
}

function sparkline(values: readonly number[]): string {
  const step = Math.ceil(values.length / 64)
  const bars = '▁▂▃▄▅▆▇█'
  const peaks = Array.from({ length: Math.ceil(values.length / step) }, (_, index) =>
    Math.max(...values.slice(index * step, (index + 1) * step)),
  )
  return peaks.map((peak) => bars[Math.min(7, Math.floor(peak * 8))]).join('')
}

function wrapped(text: string, indent = 15, width = 84): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join(`\n${' '.repeat(indent)}`)
}

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
