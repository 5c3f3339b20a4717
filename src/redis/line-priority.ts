import { storedGate, type Gate } from '../core/gate.ts'

/** 'A' is the line of priority 0 for messages with gates. */
const firstGated = 65

/** The line in which a message of this priority comes when it has passed its gates. */
export function gatedLine(priority: number): string {
  return String.fromCharCode(firstGated + priority)
}

/** The priority of the messages of a line. */
export function priorityOfLine(line: string): number {
  const code = line.charCodeAt(0)
  return code >= firstGated && code < firstGated + 10 ? code - firstGated : Number(line)
}

/** Gates as the scripts read them. */
export function gateText(gates: readonly Gate[]): string {
  return JSON.stringify(gates.map(storedGate))
}
