/** What one person says before the other goes on. */
export interface Turn {
  readonly speaker: 0 | 1
  readonly text: string
}

/** The conversation of the demonstration: two people plan what this example does. */
export const dialogue: readonly Turn[] = [
  {
    speaker: 0,
    text: `Good morning. Today we plan the migration of our job layer. The old queue loses messages when a
      worker dies, and nobody can see which step of a pipeline is running.`,
  },
  {
    speaker: 1,
    text: `I looked at the pipeline yesterday. The chord has no barrier any more, so the summaries start
      before the diarization is done. Every transcript has the wrong speakers.`,
  },
  {
    speaker: 0,
    text: `Then the pipeline comes first. The store must keep the order of the steps, not the caller. A
      worker that dies in the middle of a step hands that step to another worker.`,
  },
  {
    speaker: 1,
    text: `Agreed. And a step that failed must be resumed without running the others again. The
      transcription of a long meeting costs real money every time.`,
  },
  {
    speaker: 0,
    text: `Now the webhook. Customers want every transcript delivered, even when their server is down for
      the night. Thirty retries with a growing delay should be enough.`,
  },
  {
    speaker: 1,
    text: `The webhook keeps one event number for all retries, so that customers can tell a repeated
      delivery from a new one. The signature is made anew for each delivery.`,
  },
  {
    speaker: 0,
    text: `And the calendar. Two schedulers run for safety, but each meeting must be created once. Can you
      write the test for the schedule?`,
  },
  {
    speaker: 1,
    text: `Yes. I will write the schedule test this week, and you take the pipeline. On Friday we switch
      the first task, and we keep the way back open.`,
  },
]

/** The words of a turn. */
export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')
