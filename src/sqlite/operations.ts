import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import type { Adoption, Fire, FireAnswer, FireState, Leadership } from '../core/fire-ledger.ts'
import type {
  DeadLetter,
  DeadTrim,
  PageRequest,
  QueueCounts,
  StoredMessage,
} from '../core/inspector.ts'
import type { Permit, PermitAsk } from '../core/locks.ts'
import type { Body, Envelope } from '../core/message.ts'
import type { RateAnswer, RateAsk, RateRule } from '../core/rates.ts'
import type { StoredResult } from '../core/result.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
import type { TaskStatus } from '../core/states.ts'
import type { CancelAnswer, ExtendReport, QueueSettings, SendStatus } from '../core/transport.ts'
import type { Failure } from './failure.ts'
import type { PlanAsk, PlanPage } from './plan-rows.ts'
import type { GraphOperations } from './graph-operations.ts'

/** What a claim is asked for. */
export interface ClaimAsk {
  readonly queues: readonly string[]
  readonly room: number
  readonly lease: number
  readonly early: boolean
  /** The most suspects among them. */
  readonly suspects: number
  /** See `ReceiveRequest.shares`. */
  readonly shares?: readonly number[] | undefined
}

/** What a claim found. `next`: when something becomes claimable by itself, where nothing was. */
export interface ClaimAnswer {
  readonly deliveries: readonly Delivery[]
  readonly next: number | null
}

/** Where a message has its place: among all, and among those of its time. */
export interface PagePlace {
  readonly seq: number
  readonly at: number
}

/** Which messages to list: behind a place that is known, or behind a message. */
export interface PageAsk {
  readonly queue: string
  readonly page: PageRequest
  readonly from: PagePlace | undefined
}

/** Messages, and where the last of them is. */
export interface PageAnswer {
  readonly messages: readonly StoredMessage[]
  readonly last: PagePlace | undefined
}

/**
 * Everything that can be asked of the database: plain data in and out, so that it crosses to the
 * database thread as it is. The contracts of `core/` say what each means.
 */
export interface Operations extends GraphOperations {
  send: { ask: readonly Envelope[]; answer: readonly SendStatus[] }
  claim: { ask: ClaimAsk; answer: ClaimAnswer }
  settle: { ask: readonly Settlement[]; answer: readonly SettleStatus[] }
  extend: { ask: { claims: readonly Claim[]; lease: number }; answer: ExtendReport }
  cancelledAmong: { ask: readonly Claim[]; answer: ExtendReport['cancelled'] }
  recover: { ask: { known: readonly LeaseToken[]; lease: number }; answer: readonly Delivery[] }
  release: { ask: readonly Claim[]; answer: readonly SettleStatus[] }
  cancel: {
    ask: { ids: readonly string[]; reason: string; lease: number }
    answer: readonly CancelAnswer[]
  }
  configureGates: { ask: Readonly<Record<string, number | null>>; answer: null }
  configure: { ask: Readonly<Record<string, QueueSettings>>; answer: null }
  save: { ask: readonly StoredResult[]; answer: readonly Body[] }
  get: { ask: readonly string[]; answer: readonly (Body | null)[] }
  delete: { ask: readonly string[]; answer: number }
  saveProgress: { ask: { claim: Claim; body: Body; expiresIn: number }; answer: boolean }
  getProgress: { ask: readonly string[]; answer: readonly (Body | null)[] }
  queues: { ask: null; answer: readonly QueueCounts[] }
  peek: { ask: PageAsk; answer: PageAnswer }
  scheduled: { ask: PageAsk; answer: PageAnswer }
  states: { ask: readonly string[]; answer: readonly (TaskStatus | null)[] }
  deadLetters: {
    ask: PageRequest & { queue?: string | undefined }
    answer: readonly DeadLetter[]
  }
  deadLetter: { ask: string; answer: DeadLetter | null }
  retryDead: {
    ask: { ids: readonly string[]; bodies: ReadonlyMap<string, Body> | undefined }
    answer: readonly string[]
  }
  adopt: { ask: readonly Adoption[]; answer: readonly FireState[] }
  fireStates: { ask: readonly string[]; answer: readonly (FireState | null)[] }
  fire: { ask: readonly Fire[]; answer: readonly FireAnswer[] }
  pausePlans: {
    ask: { ids: readonly string[]; paused: boolean }
    answer: readonly string[]
  }
  forgetPlans: { ask: readonly string[]; answer: null }
  leadGroup: {
    ask: { group: string; holder: string; lease: number; report: string }
    answer: Leadership
  }
  resignGroup: { ask: { group: string; holder: string }; answer: null }
  groupLeaders: { ask: null; answer: readonly Leadership[] }
  readPlans: { ask: PlanAsk; answer: PlanPage }
  /** JSON of a list of `PlanRow`s. */
  putPlans: { ask: string; answer: null }
  removePlans: { ask: readonly string[]; answer: readonly string[] }
  deleteDead: { ask: readonly string[]; answer: number }
  trimDead: { ask: DeadTrim; answer: number }
  keyHolders: { ask: readonly string[]; answer: readonly (string | null)[] }
  controlSend: { ask: string; answer: { readonly seq: number; readonly listeners: number } }
  controlAnswer: { ask: { readonly ref: number; readonly body: string }; answer: null }
  controlMessages: {
    ask: number
    answer: readonly { readonly seq: number; readonly body: string }[]
  }
  controlAnswers: { ask: number; answer: readonly string[] }
  controlListen: { ask: { readonly id: string; readonly ms: number }; answer: number }
  settings: { ask: null; answer: readonly (readonly [name: string, value: string])[] }
  setSettings: { ask: Readonly<Record<string, string | null>>; answer: null }
  takeRate: { ask: RateAsk & { readonly key: string }; answer: RateAnswer }
  setRate: { ask: { readonly key: string; readonly rule: RateRule | null }; answer: null }
  holdOffRate: { ask: { readonly key: string; readonly ms: number }; answer: null }
  acquirePermit: { ask: PermitAsk & { readonly key: string }; answer: Permit | null }
  renewPermit: { ask: { readonly permit: Permit; readonly ms: number }; answer: boolean }
  freePermit: { ask: Permit; answer: boolean }
}

/** The name of an operation. */
export type OperationKind = keyof Operations

/** One operation to be done. */
export type Operation = {
  [K in OperationKind]: { readonly kind: K; readonly ask: Operations[K]['ask'] }
}[OperationKind]

/** How one operation ended. */
export type Reply =
  | { readonly done: true; readonly answer: unknown }
  | { readonly done: false; readonly failure: Failure }

/** What committed operations changed that others may wait for. */
export interface News {
  /** Something may be claimed, or will be at another time than before. */
  work: boolean
  /** Results were stored. */
  results: boolean
  /** Running messages were cancelled. */
  cancels: boolean
  /** A lock was given back. */
  locks: boolean
  /** Runs of workflows in which something is left to do. */
  unfinished: string[]
}

/** Operations that only read. */
export const readOnly: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'get',
  'getProgress',
  'cancelledAmong',
  'queues',
  'peek',
  'scheduled',
  'states',
  'deadLetters',
  'deadLetter',
  'fireStates',
  'groupLeaders',
  'readPlans',
  'wfCheck',
  'wfRead',
  'wfNodes',
  'wfValue',
  'wfValues',
  'wfList',
  'keyHolders',
  'controlMessages',
  'controlAnswers',
  'settings',
])
