import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono, type Context, type Next } from 'hono'
import type { AudioTool } from '../audio/audio-tool.ts'
import { Calendars } from './calendars.ts'
import { control } from './control.ts'
import { diarizer } from './diarizer.ts'
import { Faults, happen } from './faults.ts'
import { Journal } from './journal.ts'
import { languageModel } from './language-model.ts'
import { MessageQueues } from './message-queue.ts'
import { objectStore } from './object-store.ts'
import { transcriber } from './transcriber.ts'
import { WebhookReceiver } from './webhook-receiver.ts'
import { WherebyServer } from './whereby-server.ts'
import { ZulipServer } from './zulip-server.ts'

export interface StandInOptions {
  /** Where the objects are kept. */
  readonly folder: string
  readonly tool: AudioTool
  /** 0 (the default) takes a free one. */
  readonly port?: number | undefined
}

/** The outside world, running. */
export interface StandIns {
  readonly url: string
  readonly journal: Journal
  readonly faults: Faults
  readonly queues: MessageQueues
  readonly zulip: ZulipServer
  readonly whereby: WherebyServer
  readonly calendars: Calendars
  readonly receiver: WebhookReceiver
  /** Forgets what was asked, said and planned; the objects stay. */
  clear(): void
  stop(): Promise<void>
}

/** Names and secrets under which the stand-ins are asked. They protect nothing. */
export const standInAccess = {
  storeKey: 'reflector',
  storeSecret: 'object-store-secret',
  botEmail: 'reflector-bot@zulip.test',
  botKey: 'zulip-key',
  wherebyKey: 'whereby-key',
  webhookSecret: 'webhook-secret',
  recordingBucket: 'recordings',
  transcriptBucket: 'transcripts',
  recordingQueue: 'new-recordings',
} as const

/** Starts all of them on one port, each below its name: `/store`, `/queue`, `/llm`, … */
export async function startStandIns(options: StandInOptions): Promise<StandIns> {
  const { folder, tool, port = 0 } = options
  await mkdir(folder, { recursive: true })
  const access = standInAccess
  const [journal, faults, queues] = [new Journal(), new Faults(), new MessageQueues()]
  const zulip = new ZulipServer({ email: access.botEmail, key: access.botKey })
  const whereby = new WherebyServer(access.wherebyKey)
  const [calendars, receiver] = [new Calendars(), new WebhookReceiver(access.webhookSecret)]

  const app = new Hono<{ Bindings: HttpBindings }>()
    .route('/__control', control({ journal, faults, zulip }))
    .use('/:service/*', (context, next) => attended(context, next, { journal, faults }))
  const store = {
    folder,
    key: access.storeKey,
    secret: access.storeSecret,
    announces: { [access.recordingBucket]: access.recordingQueue },
    queues,
  }
  app
    .route('/store', objectStore(store))
    .route('/queue', queues.app())
    .route('/transcriber', transcriber(tool))
    .route('/diarizer', diarizer(tool))
    .route('/llm', languageModel())
    .route('/zulip', zulip.app())
    .route('/whereby', whereby.app())
    .route('/calendars', calendars.app())
    .route('/receiver', receiver.app())
    .get('/health/ping', (context) => context.text('OK'))
    .onError((error, context) => context.json({ error: error.message }, 500))

  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
  const clear = (): void => {
    for (const one of [journal, faults, queues, zulip, whereby, calendars, receiver]) one.clear()
  }
  return { url, journal, faults, queues, zulip, whereby, calendars, receiver, clear, stop }
}

/** Writes every request down, and lets what is planned for it happen. */
async function attended(
  context: Context<{ Bindings: HttpBindings }>,
  next: Next,
  { journal, faults }: { readonly journal: Journal; readonly faults: Faults },
): Promise<Response | void> {
  const url = new URL(context.req.url)
  const service = context.req.param('service') ?? ''
  const headers = context.req.header()
  const kind = headers['content-type'] ?? ''
  const isText = /json|urlencoded|^text/.test(kind)
  const body = isText
    ? await context.req.raw.clone().text()
    : `(${headers['content-length'] ?? '?'})`
  const path = url.pathname.slice(service.length + 1) + url.search
  const { method } = context.req
  const visit = journal.add({ service, method, path, headers, body, at: Date.now() })
  const fault = faults.take({ service, path, body })
  const answer = fault === undefined ? undefined : await happen(fault, context)
  if (answer !== undefined) {
    visit.status = answer.status
    return answer
  }
  await next()
  visit.status = context.res.status
}
