import type { Server } from 'node:http'
import type { RawData, WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import { getTranscript, patchTranscript } from '../data/transcripts.ts'
import { LivePipeline } from '../pipelines/live-pipeline.ts'
import type { Workshop } from '../pipelines/workshop.ts'
import { afterLive } from '../workflows.ts'
import type { EventFeed } from './event-feed.ts'

/**
 * The WebSockets of a server: `/v1/transcripts/<id>/events` tells what happens to a transcript;
 * `/v1/transcripts/<id>/record` takes samples (16 bits, one channel, 16 kHz) until the text
 * `{"cmd":"STOP"}`.
 */
export function attachSockets(server: Server, workshop: Workshop, feed: EventFeed): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 * 1024 })
  server.on('upgrade', (request, socket, head) => {
    const found = /^\/v1\/transcripts\/([\w-]+)\/(events|record)$/.exec(request.url ?? '')
    if (found === null) {
      socket.destroy()
      return
    }
    const [, id = '', kind] = found
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const work = kind === 'events' ? tell(ws, id, feed) : record(ws, id, workshop)
      work.catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error)
        ws.close(1011, text.slice(0, 100))
      })
    })
  })
  return () => {
    for (const client of sockets.clients) client.terminate()
    sockets.close()
  }
}

async function tell(ws: WebSocket, id: string, feed: EventFeed): Promise<void> {
  const stop = await feed.watch(id, ({ event, data }) => ws.send(JSON.stringify({ event, data })))
  ws.on('close', stop)
  if (ws.readyState !== ws.OPEN) stop()
}

async function record(ws: WebSocket, id: string, workshop: Workshop): Promise<void> {
  // What comes before the pipeline is ready waits here.
  const waiting: RawData[] = []
  const early = (data: RawData): void => void waiting.push(data)
  ws.on('message', early)
  const transcript = await getTranscript(workshop.db, id)
  if (transcript.status !== 'idle') throw new Error('this transcript has been recorded already')
  const pipeline = new LivePipeline(workshop, transcript)
  await pipeline.start()
  const stopped = new Promise<void>((resolve) => {
    const take = (data: RawData): void => {
      const bytes = bytesOf(data)
      if (isStop(bytes)) resolve()
      else pipeline.push(samplesOf(bytes))
    }
    ws.off('message', early)
    for (const data of waiting) take(data)
    ws.on('message', take)
    // A line that breaks ends the recording: what was said is kept.
    ws.once('close', () => resolve())
  })
  await stopped
  try {
    await pipeline.finish()
  } catch (error) {
    await pipeline.fail()
    throw error
  }
  const { runId } = await afterLive(id, id)
  await patchTranscript(workshop.db, id, { workflow_run_id: runId })
  ws.close(1000)
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? Buffer.from(data) : data
}

const isStop = (bytes: Buffer): boolean =>
  bytes.length < 64 && /^\s*\{\s*"cmd"\s*:\s*"STOP"\s*\}\s*$/.test(bytes.toString())

function samplesOf(bytes: Buffer): Int16Array {
  const even = bytes.subarray(0, bytes.length - (bytes.length % 2))
  return new Int16Array(new Uint8Array(even).buffer)
}
