import type { SpeakerSegment } from '../audio/tell-voices.ts'
import type { Word } from '../data/topics.ts'

/**
 * Gives each word its speaker.
 *
 * Segments are cleaned first: of two neighbours that overlap the longer one stays, segments without
 * words go, neighbours of one speaker become one. Then the words are walked along the segments. A word
 * before a segment takes its speaker, unless it goes on with a sentence: then it stays with the one
 * who began it. Words after the last segment stay with the last speaker.
 */
export function assignSpeakers(
  words: readonly Word[],
  diarization: readonly SpeakerSegment[],
): Word[] {
  const segments = merged(withWords(withoutOverlaps(diarization), words))
  if (segments.length === 0) return [...words]
  let index = 0
  let last = segments[0]?.speaker ?? 0
  return words.map((word, at) => {
    while (index < segments.length && word.start >= (segments[index]?.end ?? 0)) index++
    const segment = segments[index]
    if (segment === undefined) return { ...word, speaker: last }
    if (word.start < segment.start && goesOn(words[at - 1], word)) return { ...word, speaker: last }
    last = segment.speaker
    return { ...word, speaker: last }
  })
}

/** Whether a word goes on with the sentence of the one before it. */
function goesOn(before: Word | undefined, word: Word): boolean {
  return before !== undefined && !/[.?!]$/.test(before.text) && !/^\p{Lu}/u.test(word.text)
}

function withoutOverlaps(segments: readonly SpeakerSegment[]): SpeakerSegment[] {
  const kept: SpeakerSegment[] = []
  for (const segment of [...segments].sort((a, b) => a.start - b.start)) {
    const last = kept.at(-1)
    if (last === undefined || segment.start >= last.end) kept.push(segment)
    else if (segment.end - segment.start > last.end - last.start) kept.splice(-1, 1, segment)
  }
  return kept
}

function withWords(segments: readonly SpeakerSegment[], words: readonly Word[]): SpeakerSegment[] {
  return segments.filter(({ start, end }) =>
    words.some((word) => word.start < end && word.end > start),
  )
}

function merged(segments: readonly SpeakerSegment[]): SpeakerSegment[] {
  const out: SpeakerSegment[] = []
  for (const segment of segments) {
    const last = out.at(-1)
    if (last?.speaker === segment.speaker) out.splice(-1, 1, { ...last, end: segment.end })
    else out.push(segment)
  }
  return out
}
