import type { ControlledTransaction, Kysely, Transaction } from 'kysely'
import type { AudioTool } from '../audio/audio-tool.ts'
import type { Tables } from '../data/tables.ts'
import type { Diarization } from '../outside/diarization.ts'
import type { LanguageModel } from '../outside/language-model.ts'
import type { ObjectStore } from '../outside/object-store.ts'
import type { Transcription } from '../outside/transcription.ts'
import type { Settings } from '../settings.ts'
import { TranscriptFiles } from './transcript-files.ts'

/** Everything that a pipeline works with. The tasks get it as one dependency. */
export interface Workshop {
  readonly settings: Settings
  readonly db: Kysely<Tables>
  readonly tool: AudioTool
  readonly transcription: Transcription
  /** `undefined` where there is none: then everybody is one speaker. */
  readonly diarization: Diarization | undefined
  readonly model: LanguageModel
  /** Where transcripts keep their sound; `undefined` where there is no object store. */
  readonly storage: ObjectStore | undefined
  readonly now: () => Date
}

/** The files of a transcript. */
export function filesOf(workshop: Workshop, id: string): TranscriptFiles {
  const { settings, tool } = workshop
  return new TranscriptFiles({ dataDir: settings.DATA_DIR, id, tool })
}

/** One short transaction. */
export function inTransaction<T>(
  { db }: Workshop,
  work: (transaction: Transaction<Tables> | ControlledTransaction<Tables>) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(work)
}
