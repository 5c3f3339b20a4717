#!/usr/bin/env node
/** The command line. Each command is loaded when it is called, so that `--help` answers at once. */
import { CommanderError } from 'commander'
import { isTaskwrightError } from '../core/errors.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { buildProgram, type Actions } from './program.ts'
import { safeLines } from './safe-text.ts'
import { endOnBrokenPipe, processTerminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

const terminal = processTerminal()

const controls = (): Promise<typeof import('./control-command.ts')> =>
  import('./control-command.ts')

const actions: Actions = {
  worker: async (command) => (await import('./worker-command.ts')).runWorker(command, terminal),
  send: async (command) => (await import('./send-command.ts')).send(command, terminal),
  result: async (command) => (await import('./result-command.ts')).showResult(command, terminal),
  queues: async (command) => (await import('./queues-command.ts')).listQueues(command, terminal),
  purge: async (command) => (await import('./purge-command.ts')).purge(command, terminal),
  scheduler: async (command) =>
    (await import('./scheduler-command.ts')).runScheduler(command, terminal),
  scheduleList: async (command) =>
    (await import('./schedule-command.ts')).listPlans(command, terminal),
  scheduleNext: async (command) =>
    (await import('./schedule-command.ts')).nextOfPlan(command, terminal),
  schedulePause: async (command) =>
    (await import('./schedule-command.ts')).pausePlan(command, terminal),
  scheduleResume: async (command) =>
    (await import('./schedule-command.ts')).resumePlan(command, terminal),
  scheduleRun: async (command) =>
    (await import('./schedule-command.ts')).runPlan(command, terminal),
  scheduleRemove: async (command) =>
    (await import('./schedule-command.ts')).removePlan(command, terminal),
  scheduleStatus: async (command) =>
    (await import('./schedule-command.ts')).showStatus(command, terminal),
  deadList: async (command) => (await import('./dead-command.ts')).listDead(command, terminal),
  deadShow: async (command) => (await import('./dead-command.ts')).showDead(command, terminal),
  inspect: async (command) => (await controls()).inspectWorkers(command, terminal),
  pause: async (command) => (await controls()).pause('pause', command, terminal),
  resume: async (command) => (await controls()).pause('resume', command, terminal),
  cancel: async (command) => (await controls()).cancel(command, terminal),
  control: async (command) => (await controls()).control(command, terminal),
  limit: async (command) => (await controls()).limit(command, terminal),
  deadDelete: async (command) => (await import('./dead-command.ts')).deleteDead(command, terminal),
  deadRetry: async (command) => (await import('./dead-command.ts')).retryDead(command, terminal),
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  try {
    return await buildProgram(actions, packageVersion()).run(argv)
  } catch (error) {
    // Commander has printed what is wrong; help and version are no errors.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    const { errColours: colours } = terminal
    const known = isTaskwrightError(error) || error instanceof UsageError
    const text =
      known || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)
    terminal.err(`${colours.red('error:')} ${safeLines(text)}`)
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

endOnBrokenPipe()
const code = await main(process.argv.slice(2))
// What the user's modules have open (a pool, a timer) must not keep the command alive; what was printed
// must be out first.
process.stdout.write('', () => process.exit(code))
