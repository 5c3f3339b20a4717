import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AudioTool } from '../audio/audio-tool.ts'

/** The files of one transcript. */
export class TranscriptFiles {
  readonly folder: string
  readonly #format: 'mp3' | 'wav'

  constructor(place: { readonly dataDir: string; readonly id: string; readonly tool: AudioTool }) {
    this.folder = join(place.dataDir, place.id)
    this.#format = place.tool.format
  }

  /** The recording as it was taken live. */
  get wav(): string {
    return join(this.folder, 'audio.wav')
  }

  /** The sound as it is kept: `audio.mp3`, or WAV where there is no ffmpeg. */
  get audio(): string {
    return join(this.folder, this.#format === 'mp3' ? 'audio.mp3' : 'audio.final.wav')
  }

  get audioType(): string {
    return this.#format === 'mp3' ? 'audio/mpeg' : 'audio/wav'
  }

  get waveform(): string {
    return join(this.folder, 'audio.json')
  }

  /** Under which the sound lies in the object store. */
  storageKey(id: string): string {
    return `${id}/audio.${this.#format}`
  }

  /** What was uploaded, whatever its ending; `undefined` when nothing was. */
  async upload(): Promise<string | undefined> {
    const found = (await names(this.folder)).find((name) => /^upload\.[^.]+$/.test(name))
    return found === undefined ? undefined : join(this.folder, found)
  }

  async removeUpload(): Promise<void> {
    for (const name of await names(this.folder))
      if (name.startsWith('upload.')) await rm(join(this.folder, name), { force: true })
  }

  /** Everything; what is not there is no error. */
  async removeAll(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
