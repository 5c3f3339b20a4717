import type { JSX } from 'preact'
import { speakerColour } from './speakers.ts'
import type { Topic } from './api.ts'

/** The outline of the recording, each part in the colour of its speaker. */
export function Waveform(props: {
  values: readonly number[]
  topics: readonly Topic[]
  /** Milliseconds. */
  duration: number
}): JSX.Element {
  const words = props.topics.flatMap((topic) => topic.words)
  const step = props.duration / 1000 / Math.max(1, props.values.length)
  const speakerAt = (index: number): number | undefined =>
    words.findLast(({ start }) => start <= (index + 0.5) * step)?.speaker
  return (
    <svg class="waveform" viewBox={`0 0 ${props.values.length} 100`} preserveAspectRatio="none">
      {props.values.map((value, index) => (
        <rect
          key={index}
          x={index + 0.15}
          y={50 - value * 48}
          width="0.7"
          height={Math.max(1, value * 96)}
          fill={speakerColour(speakerAt(index))}
        />
      ))}
    </svg>
  )
}
