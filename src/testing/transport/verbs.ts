import assert from 'node:assert/strict'
import type { Claim, Delivery } from '../../core/delivery.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Body, Envelope } from '../../core/message.ts'
import type { StoredResult } from '../../core/result.ts'
import type { Outcome, Settlement, SettleStatus } from '../../core/settlement.ts'
import type { ReceiveRequest, Transport } from '../../core/transport.ts'
import type { TransportHarness } from './harness.ts'

/** A lease that no behaviour waits for. */
export const longLease = 60_000

/** How long a result is kept when a behaviour does not care. */
export const longExpiry = 600_000

/** What is added to a wait so that a timer that fires early does not matter. */
export const slack = 20

/** The end of a run that went well. */
export const succeeded: Outcome = { kind: 'succeeded' }

/** A message for the harness's queue, with a fresh id. */
export function message(harness: TransportHarness, parts: Partial<Envelope> = {}): Envelope {
  return { id: harness.id(), queue: harness.queue, priority: 4, body: 'body', ...parts }
}

/** So many messages, with bodies '0', '1', '2'… */
export function messages(
  harness: TransportHarness,
  count: number,
  parts: Partial<Envelope> = {},
): Envelope[] {
  return Array.from({ length: count }, (_, i) => message(harness, { body: String(i), ...parts }))
}

/** Sends one message, which must be new. */
export async function post(
  harness: TransportHarness,
  transport: Transport,
  parts: Partial<Envelope> = {},
): Promise<Envelope> {
  const envelope = message(harness, parts)
  assert.deepEqual(await transport.send([envelope]), ['stored'])
  return envelope
}

/** Receives without waiting, from the harness's queue and under a long lease unless said. */
export function look(
  harness: TransportHarness,
  transport: Transport,
  ask: Partial<ReceiveRequest> = {},
): Promise<readonly Delivery[]> {
  return waitFor(harness, transport, { wait: 0, ...ask })
}

/** Receives and waits until there is something. */
export function waitFor(
  harness: TransportHarness,
  transport: Transport,
  ask: Partial<ReceiveRequest> = {},
): Promise<readonly Delivery[]> {
  const { signal } = new AbortController()
  return transport.receive({
    queues: [harness.queue],
    room: 100,
    lease: longLease,
    signal,
    ...ask,
  })
}

/** Receives exactly one message, without waiting. */
export async function take(
  harness: TransportHarness,
  transport: Transport,
  ask: Partial<ReceiveRequest> = {},
): Promise<Delivery> {
  return only(await look(harness, transport, { room: 1, ...ask }))
}

/** Asserts that there is nothing to receive. */
export async function nothing(
  harness: TransportHarness,
  transport: Transport,
  ask: Partial<ReceiveRequest> = {},
): Promise<void> {
  assert.deepEqual(idsOf(await look(harness, transport, ask)), [])
}

/** Settles one claim; `rest` adds a result or follow-ups. */
export async function end(
  transport: Transport,
  claim: Claim,
  rest: Partial<Settlement> = {},
): Promise<SettleStatus> {
  return only(await transport.settle([{ claim, outcome: succeeded, ...rest }]))
}

/** Settles all of them as succeeded. */
export async function endAll(transport: Transport, claims: readonly Claim[]): Promise<void> {
  const statuses = await transport.settle(claims.map((claim) => ({ claim, outcome: succeeded })))
  assert.deepEqual(
    statuses,
    claims.map(() => 'settled'),
  )
}

/** A result for a message. */
export function resultOf({ id }: { readonly id: string }, body: Body = 'result'): StoredResult {
  return { id, body, expiresIn: longExpiry }
}

/** The one element of a list. */
export function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1)
  return list[0] as T
}

export function idsOf(list: readonly { readonly id: string }[]): string[] {
  return list.map(({ id }) => id)
}

export function bodiesOf(list: readonly { readonly body: Body }[]): Body[] {
  return list.map(({ body }) => body)
}

/** Asserts that a call fails with one of our errors. */
export async function refuses(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(call, { code })
}
