/** Where a transcript stands. */
export type TranscriptStatus = 'idle' | 'uploaded' | 'recording' | 'processing' | 'ended' | 'error'

/**
 * Which status may follow which. `ended` is left only by processing the transcript again: a failure
 * that comes late changes nothing.
 */
export const transitions: Readonly<Record<TranscriptStatus, readonly TranscriptStatus[]>> = {
  idle: ['uploaded', 'recording', 'processing', 'error'],
  uploaded: ['processing', 'error'],
  recording: ['processing', 'error'],
  processing: ['ended', 'error'],
  ended: ['processing'],
  error: ['uploaded', 'recording', 'processing', 'ended'],
}

/** Whether a text names a status. */
export function isStatus(text: string): text is TranscriptStatus {
  return Object.hasOwn(transitions, text)
}
