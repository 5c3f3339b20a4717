import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { durationOf, type AudioTool } from '../src/audio/audio-tool.ts'
import { dialogue, wordsOf } from '../src/audio/dialogue.ts'
import { findAudioTool } from '../src/audio/find-audio-tool.ts'
import { makeRecording } from '../src/audio/recording.ts'
import { soundSpans } from '../src/audio/sound-spans.ts'
import { tellVoices } from '../src/audio/tell-voices.ts'
import { decodeWav, encodeWav } from '../src/audio/wav.ts'
import { waveformOf } from '../src/audio/waveform.ts'
import { wavTool } from '../src/audio/wav-tool.ts'

const recording = makeRecording(dialogue)
let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reflector-audio-'))
  file = join(folder, 'talk.wav')
  await writeFile(file, encodeWav(recording))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('a WAV file is read as it was written', () => {
  const { rate, samples } = decodeWav(encodeWav(recording))
  expect(rate).toBe(16_000)
  expect(Buffer.compare(Buffer.from(samples.buffer), Buffer.from(recording.samples.buffer))).toBe(0)
  expect(() => decodeWav(Buffer.from('a text, not a sound'))).toThrow('not a WAV file')
})

const tool = findAudioTool()
// Where no ffmpeg can be had, the WAV path is all there is, and it is tested.
const tools: AudioTool[] = tool === wavTool ? [wavTool] : [wavTool, tool]

describe.each(tools)('audio by $format', (tool) => {
  it('survives the way through its format: as long, every word heard, both voices told apart', async () => {
    const out = join(folder, `out-${tool.format}.${tool.format}`)
    await tool.extract(file, out)
    expect(await tool.hasAudio(out)).toBe(true)
    const pcm = await tool.decode(out, 8000)
    expect(pcm.rate).toBe(8000)
    const whole = durationOf(recording)
    expect(Math.abs(durationOf(pcm) - whole) / whole).toBeLessThan(0.01)

    const spans = soundSpans(pcm)
    expect(spans).toHaveLength(dialogue.flatMap(({ text }) => wordsOf(text)).length)
    for (const [index, { start, end }] of spans.entries()) {
      expect(Math.abs(start - (recording.words[index]?.start ?? 0))).toBeLessThan(0.06)
      expect(Math.abs(end - (recording.words[index]?.end ?? 0))).toBeLessThan(0.06)
    }

    const segments = tellVoices(pcm)
    expect(segments.map(({ speaker }) => speaker)).toEqual(dialogue.map(({ speaker }) => speaker))
  })

  it('knows what holds no sound', async () => {
    const text = join(folder, 'notes.txt')
    await writeFile(text, 'nothing to hear here')
    expect(await tool.hasAudio(text)).toBe(false)
    await expect(tool.decode(text, 8000)).rejects.toThrow(/not a WAV file|could not read it/)
  })
})

it('one voice is one speaker', () => {
  const alone = makeRecording(dialogue.filter(({ speaker }) => speaker === 1))
  expect(new Set(tellVoices(alone).map(({ speaker }) => speaker))).toEqual(new Set([0]))
})

it('the outline of a recording has 255 values from 0 to 1', () => {
  const peaks = waveformOf(recording.samples)
  expect(peaks).toHaveLength(255)
  expect(Math.max(...peaks)).toBe(1)
  expect(Math.min(...peaks)).toBeGreaterThanOrEqual(0)
  expect(waveformOf(new Int16Array([0, -5, 10]))).toEqual([0, 0.5, 1])
})
