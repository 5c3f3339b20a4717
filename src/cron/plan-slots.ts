import { hash } from 'node:crypto'
import type { PlanTiming, SchedulePlan } from '../core/schedule-plan.ts'
import { cronLine } from './cron-line.ts'

/**
 * The first slot of a plan after a moment: a time at which it is due. `null` when there is none.
 * `anchor`: from where intervals without a `start` are counted.
 * @throws InvalidInputError for a cron line or zone that cannot be read.
 */
export function nextSlot(plan: PlanTiming, after: number, anchor: number): number | null {
  const slot = unbounded(plan, after, anchor)
  return slot === null || (plan.end !== undefined && slot >= plan.end) ? null : slot
}

function unbounded(plan: PlanTiming, after: number, anchor: number): number | null {
  const { cron, every, at, start = -Infinity } = plan
  const from = Math.max(after, start - 1)
  if (at !== undefined) return at > from ? at : null
  if (cron !== undefined) {
    return cronLine(cron, plan.timezone, plan.dialect).next(from === -Infinity ? 0 : from)
  }
  if (every === undefined) return null
  // An interval's first slot is one interval after it was first seen; or its start, where it names one.
  const base = start === -Infinity ? anchor : start
  const first = start === -Infinity ? 1 : 0
  return base + every * Math.max(first, Math.floor((from - base) / every) + 1)
}

/**
 * When a slot is to be sent: itself, or later by the jitter that follows from id and slot (SHA-256), so that
 * every scheduler waits for the same moment.
 */
export function dueTime({ id, jitter = 0 }: SchedulePlan, slot: number): number {
  if (jitter === 0) return slot
  const share = Number.parseInt(digest(`jitter\0${id}\0${slot}`).slice(0, 12), 16) / 2 ** 48
  return slot + Math.floor(share * jitter)
}

/**
 * The id of the message of a slot: the same in every scheduler, so that a store which is asked twice keeps
 * one. In the order of time, as all ids are: 12 hex digits of milliseconds, 20 of SHA-256 over id and slot.
 */
export function slotMessageId(planId: string, slot: number): string {
  const time = Math.max(0, Math.floor(slot)).toString(16).padStart(12, '0').slice(-12)
  return time + digest(`${planId}\0${slot}`).slice(0, 20)
}

/** Prints that are kept: a hundred thousand plans share a few timings. */
const mostPrints = 10_000
const prints = new Map<string, string>()

/** What tells whether a plan is due at other times than it was: its slots before that are none of the new one's. */
export function timingPrint(plan: PlanTiming): string {
  const { cron, dialect, timezone, every, at, start, end } = plan
  const text = JSON.stringify([cron, dialect, timezone, every, at, start, end])
  let print = prints.get(text)
  if (print === undefined) {
    print = digest(text).slice(0, 16)
    if (prints.size >= mostPrints) prints.delete(prints.keys().next().value ?? '')
    prints.set(text, print)
  }
  return print
}

function digest(text: string): string {
  return hash('sha256', text)
}
