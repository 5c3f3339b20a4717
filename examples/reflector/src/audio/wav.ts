/** Sound as numbers: one channel, 16 bits. */
export interface Pcm {
  readonly rate: number
  readonly samples: Int16Array
}

/** A WAV file of one channel. */
export function encodeWav({ rate, samples }: Pcm): Buffer {
  const header = Buffer.alloc(44)
  const bytes = samples.length * 2
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + bytes, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20) // PCM
  header.writeUInt16LE(1, 22) // channels
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(bytes, 40)
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, bytes)])
}

/**
 * Reads a WAV file of 16-bit PCM; channels are mixed to one.
 * @throws Error when it is anything else.
 */
export function decodeWav(file: Buffer): Pcm {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF')
    throw new Error('this is not a WAV file')
  let format: { channels: number; rate: number } | undefined
  for (let at = 12; at + 8 <= file.length;) {
    const name = file.toString('latin1', at, at + 4)
    const size = file.readUInt32LE(at + 4)
    const start = at + 8
    if (name === 'fmt ') {
      const [kind, bits] = [file.readUInt16LE(start), file.readUInt16LE(start + 14)]
      if (kind !== 1 || bits !== 16) throw new Error('only WAV files of 16-bit PCM can be read')
      format = { channels: file.readUInt16LE(start + 2), rate: file.readUInt32LE(start + 4) }
    } else if (name === 'data') {
      if (format === undefined) break
      // A recording that was cut off says more bytes than there are.
      const data = file.subarray(start, Math.min(start + size, file.length))
      return { rate: format.rate, samples: mixed(data, format.channels) }
    }
    at = start + size + (size % 2)
  }
  throw new Error('this WAV file holds no sound')
}

function mixed(data: Buffer, channels: number): Int16Array {
  const samples = new Int16Array(Math.floor(data.length / 2 / channels))
  for (let i = 0; i < samples.length; i++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++)
      sum += data.readInt16LE((i * channels + channel) * 2)
    samples[i] = Math.round(sum / channels)
  }
  return samples
}
