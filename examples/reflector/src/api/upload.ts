import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setUploaded, type Transcript } from '../data/transcripts.ts'
import { filesOf, inTransaction, type Workshop } from '../pipelines/workshop.ts'
import { startProcessing } from '../tasks/start-processing.ts'

/** A part of an upload, 0 being the first. */
export interface Chunk {
  readonly number: number
  readonly total: number
  readonly file: File
}

/** What the client did wrong; it is told with 400. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/**
 * Keeps a chunk. With the last one the file is whole: when it holds sound, it is sent to be processed.
 * Chunks may come in any order and again. @throws BadRequest
 */
export async function takeChunk(
  workshop: Workshop,
  transcript: Transcript,
  { number, total, file }: Chunk,
): Promise<'waiting' | 'ok'> {
  if (transcript.locked === 1) throw new BadRequest('the transcript is locked')
  if (!(number >= 0 && number < total && total <= 10_000)) throw new BadRequest('no such chunk')
  const files = filesOf(workshop, transcript.id)
  if ((await files.upload()) !== undefined) throw new BadRequest('there is an upload already')
  const ending = extname(file.name) || '.bin'
  if (!/^\.[a-z0-9]{1,8}$/i.test(ending)) throw new BadRequest('this is no name for a file')
  await mkdir(files.folder, { recursive: true })
  const partOf = (index: number): string => join(files.folder, `upload_${index}${ending}`)
  await writeFile(partOf(number), Buffer.from(await file.arrayBuffer()))

  const parts = Array.from({ length: total }, (_, index) => partOf(index))
  const there = await Promise.all(parts.map((part) => stat(part).catch(() => undefined)))
  if (there.includes(undefined)) return 'waiting'
  const whole = join(files.folder, `whole${ending}`)
  const out = createWriteStream(whole)
  for (const part of parts) await pipeline(createReadStream(part), out, { end: false })
  await new Promise<void>((resolve, reject) => {
    out.once('error', reject)
    out.end(resolve)
  })
  await Promise.all(parts.map((part) => rm(part)))
  if (!(await workshop.tool.hasAudio(whole))) {
    await rm(whole)
    throw new BadRequest('there is no sound in this file')
  }
  await rename(whole, join(files.folder, `upload${ending}`))
  await inTransaction(workshop, (db) => setUploaded(db, transcript.id))
  await startProcessing(workshop.db, transcript.id)
  return 'ok'
}
