import { TaskTimeoutError } from 'taskwright'

/**
 * Whether a failed run is the end of the matter. A run that was stopped because its worker is being
 * shut down, or has lost it, is somebody else's next: the transcript goes on.
 */
export function isOurFailure(signal: AbortSignal): boolean {
  return !signal.aborted || signal.reason instanceof TaskTimeoutError
}
