import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AudioTool } from '../audio/audio-tool.ts'
import type { Pcm } from '../audio/wav.ts'

/** What both ears need: eight thousand samples a second are enough for where a sound is and how high. */
const rate = 8000

/** Fetches a recording by its URL and decodes it. @throws Error when it cannot be had or heard. */
export async function listenTo(url: string, tool: AudioTool): Promise<Pcm> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`the recording could not be fetched: ${answer.status}`)
  return listen(Buffer.from(await answer.arrayBuffer()), tool)
}

/** Decodes a recording. */
export async function listen(file: Buffer, tool: AudioTool): Promise<Pcm> {
  const folder = await mkdtemp(join(tmpdir(), 'reflector-ear-'))
  try {
    const path = join(folder, randomUUID())
    await writeFile(path, file)
    return await tool.decode(path, rate)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
