import type { Topic } from '../data/topics.ts'
import type { Transcript } from '../data/transcripts.ts'

/** What Zulip shows of a transcript. */
export function zulipMessage(
  transcript: Transcript,
  topics: readonly Topic[],
  uiUrl: string,
): string {
  const link = `${uiUrl}/transcripts/${transcript.id}`
  const title = transcript.title ?? 'Unnamed recording'
  const list = topics.map(({ timestamp, title }) => `* [${minutes(timestamp)}] ${title}`)
  return [
    `# Reflector – ${title}`,
    `**Date**: <time:${transcript.created_at}>`,
    `**Link**: [${title}](${link})`,
    `**Duration**: ${minutes((transcript.duration ?? 0) / 1000)}`,
    '',
    '```spoiler Summary',
    transcript.short_summary ?? 'No summary',
    '```',
    '',
    '```spoiler Topics',
    ...list,
    '```',
    '',
    '---',
  ].join('\n')
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
}
