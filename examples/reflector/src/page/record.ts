import { createTranscript, socket } from './api.ts'

const rate = 16_000

/** A recording that goes on. */
export interface LiveRecording {
  readonly id: string
  /** Resolves when the application has all of it. */
  readonly ended: Promise<void>
  stop(): void
}

/** Sends what the microphone hears. */
export async function recordMicrophone(): Promise<LiveRecording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
  const context = new AudioContext({ sampleRate: rate })
  const { id, ws, ended } = await openLine('Recorded here')
  const source = context.createMediaStreamSource(stream)
  const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
    process([[samples]]) { if (samples) this.port.postMessage(samples.slice()); return true }
  })`
  await context.audioWorklet.addModule(
    URL.createObjectURL(new Blob([code], { type: 'text/javascript' })),
  )
  const tap = new AudioWorkletNode(context, 'tap')
  tap.port.addEventListener('message', ({ data }: MessageEvent<Float32Array>) => {
    ws.send(Int16Array.from(data, (value) => Math.max(-1, Math.min(1, value)) * 32_767))
  })
  tap.port.start()
  source.connect(tap)
  return {
    id,
    ended,
    stop() {
      for (const track of stream.getTracks()) track.stop()
      void context.close()
      ws.send('{"cmd":"STOP"}')
    },
  }
}

/** Plays the demonstration's conversation into the line, eight times as fast as it was spoken. */
export async function playConversation(): Promise<LiveRecording> {
  const wav = await (await fetch('/v1/demo/recording.wav')).arrayBuffer()
  const samples = new Int16Array(wav.slice(44))
  const { id, ws, ended } = await openLine('A conversation, live')
  let at = 0
  const stop = (): void => {
    clearInterval(timer)
    if (ws.readyState === ws.OPEN) ws.send('{"cmd":"STOP"}')
  }
  const timer = setInterval(() => {
    ws.send(samples.slice(at, at + rate))
    at += rate
    if (at >= samples.length) stop()
  }, 125)
  return { id, ended, stop }
}

async function openLine(
  name: string,
): Promise<{ id: string; ws: WebSocket; ended: Promise<void> }> {
  const { id } = await createTranscript('live', name)
  const ws = socket(id, 'record')
  await new Promise<void>((resolve, reject) => {
    ws.addEventListener('open', () => resolve())
    ws.addEventListener('error', () => reject(new Error('the line could not be opened')))
  })
  const ended = new Promise<void>((resolve) => {
    ws.addEventListener('close', () => resolve())
  })
  return { id, ws, ended }
}
