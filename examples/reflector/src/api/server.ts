import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { InvalidInputError } from 'taskwright'
import * as z from 'zod'
import { dialogue } from '../audio/dialogue.ts'
import { makeRecording } from '../audio/recording.ts'
import { encodeWav } from '../audio/wav.ts'
import { NoTranscriptError } from '../data/transcripts.ts'
import type { Workshop } from '../pipelines/workshop.ts'
import { EventFeed } from './event-feed.ts'
import { operationRoutes } from './operation-routes.ts'
import { roomRoutes } from './room-routes.ts'
import { attachSockets } from './sockets.ts'
import { transcriptRoutes } from './transcript-routes.ts'
import { BadRequest } from './upload.ts'
import { wherebyRoute } from './whereby-route.ts'

/** A server that runs. */
export interface RunningServer {
  readonly url: string
  stop(): Promise<void>
}

const page = fileURLToPath(new URL('../../dist/page/', import.meta.url))
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** Serves the API and the page. `port` 0 takes a free one. */
export async function startServer(workshop: Workshop, port: number): Promise<RunningServer> {
  const app = new Hono()
    .route('/v1/transcripts', transcriptRoutes(workshop))
    .route('/v1/rooms', roomRoutes(workshop))
    .route('/v1/whereby', wherebyRoute(workshop))
    .get('/v1/demo/recording.wav', () => {
      const wav = new Uint8Array(encodeWav(makeRecording(dialogue)))
      return new Response(wav, { headers: { 'content-type': 'audio/wav' } })
    })
    .route('/', operationRoutes(workshop))
    .get('/*', async (context) => {
      const path = normalize(context.req.path).replace(/^\/(transcripts\/.*)?$/, '/index.html')
      const file = join(page, path)
      const body = file.startsWith(page) ? await readFile(file).catch(() => undefined) : undefined
      if (body === undefined) return context.text('Not Found', 404)
      const type = types[extname(path)] ?? 'application/octet-stream'
      return context.body(new Uint8Array(body), 200, { 'content-type': type })
    })
    .onError((error, context) => {
      if (error instanceof NoTranscriptError) return context.json({ error: error.message }, 404)
      if (
        error instanceof BadRequest ||
        error instanceof z.ZodError ||
        error instanceof InvalidInputError
      )
        return context.json({ error: error.message }, 400)
      console.error(error)
      return context.json({ error: 'something went wrong here' }, 500)
    })

  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const feed = new EventFeed(workshop.db)
  const detach = attachSockets(server, workshop, feed)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        feed.stop()
        detach()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
