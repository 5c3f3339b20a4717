import type { Topic, Word } from '../data/topics.ts'

/** The words of topics as subtitles: a cue for each sentence or change of speaker. */
export function webvttOf(topics: readonly Pick<Topic, 'words'>[]): string {
  const cues: Word[][] = []
  for (const word of topics.flatMap(({ words }) => words)) {
    const cue = cues.at(-1)
    const last = cue?.at(-1)
    if (cue === undefined || last?.speaker !== word.speaker || /[.?!]$/.test(last.text))
      cues.push([word])
    else cue.push(word)
  }
  const blocks = cues.map((words) => {
    const [start, end] = [words[0]?.start ?? 0, words.at(-1)?.end ?? 0]
    const text = words.map((word) => word.text).join(' ')
    return `${time(start)} --> ${time(end)}\n<v Speaker${words[0]?.speaker ?? 0}>${text}`
  })
  return `${['WEBVTT', ...blocks].join('\n\n')}\n`
}

function time(seconds: number): string {
  const ms = Math.round(seconds * 1000)
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms / 1000) % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(h)}:${two(m)}:${s.toFixed(3).padStart(6, '0')}`
}
