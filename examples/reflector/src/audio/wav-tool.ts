import { readFile, rename, writeFile } from 'node:fs/promises'
import type { AudioTool } from './audio-tool.ts'
import { decodeWav, encodeWav, type Pcm } from './wav.ts'

/** Without any other program: reads and writes WAV files, and nothing else. */
export const wavTool: AudioTool = {
  name: 'wav',
  format: 'wav',
  async hasAudio(file) {
    try {
      return decodeWav(await readFile(file)).samples.length > 0
    } catch {
      return false
    }
  },
  async decode(file, rate) {
    return resampled(decodeWav(await readFile(file)), rate)
  },
  async extract(from, to) {
    const pcm = decodeWav(await readFile(from))
    await writeFile(`${to}.part`, encodeWav(pcm))
    await rename(`${to}.part`, to)
  },
}

/** Linear interpolation: enough to hear where the sound is and how high. */
function resampled({ rate: from, samples }: Pcm, rate: number): Pcm {
  if (from === rate) return { rate, samples }
  const out = new Int16Array(Math.floor((samples.length * rate) / from))
  for (let i = 0; i < out.length; i++) {
    const place = (i * from) / rate
    const index = Math.floor(place)
    const [a, b] = [samples[index] ?? 0, samples[index + 1] ?? samples[index] ?? 0]
    out[i] = Math.round(a + (b - a) * (place - index))
  }
  return { rate, samples: out }
}
