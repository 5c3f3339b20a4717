import { Option, type Command } from 'commander'
import type {
  CancelCommand,
  ControlCommand,
  InspectCommand,
  LimitCommand,
  PauseCommand,
} from './control-command.ts'
import type { ExitCode } from './exit-codes.ts'
import { inspectable } from './inspectable.ts'
import * as values from './flag-values.ts'

/** What the commands of this file do. */
export interface ControlActions {
  inspect(command: InspectCommand): Promise<ExitCode>
  pause(command: PauseCommand): Promise<ExitCode>
  resume(command: PauseCommand): Promise<ExitCode>
  cancel(command: CancelCommand): Promise<ExitCode>
  control(command: ControlCommand): Promise<ExitCode>
  limit(command: LimitCommand): Promise<ExitCode>
}

/** Adds the commands that talk to running workers. */
export function controlCommands(
  program: Command,
  {
    actions,
    target,
    note,
  }: {
    readonly actions: ControlActions
    /** What the first argument may be. */
    readonly target: string
    readonly note: (work: Promise<ExitCode>) => Promise<void>
  },
): void {
  const toWorkers = (command: Command): Command =>
    command
      .option('--worker <names>', 'only these, with commas between them', values.nameList)
      .addOption(
        new Option('--wait <time>', 'how long answers are waited for')
          .default(1000, '1s')
          .argParser(values.time),
      )
  toWorkers(
    program
      .command('inspect')
      .description('Ask running workers what they do, or look at what is put off.')
      .argument('<what>', inspectable.join(', '), values.oneOf(...inspectable))
      .argument('<target>', target),
  )
    .option('--queue <name>', 'with messages and scheduled: only of this queue')
    .addOption(
      new Option('--limit <n>', 'with messages and scheduled: at most so many')
        .default(50)
        .argParser(values.wholeNumber(1)),
    )
    .option('--after <id>', 'with --queue: only what comes behind this message')
    .option('--json', 'print JSON, for programs')
    .action((what: InspectCommand['what'], from: string, flags: InspectCommand['flags']) =>
      note(actions.inspect({ what, target: from, flags })),
    )
  for (const how of ['pause', 'resume'] as const) {
    program
      .command(how)
      .description(
        how === 'pause' ? 'Hold queues or tasks back, for all workers.' : 'Let them go again.',
      )
      .argument('<target>', target)
      .option('--queue <names>', 'with commas between them', values.nameList)
      .option('--task <names>', 'with commas between them', values.nameList)
      .action((from: string, flags: PauseCommand['flags']) =>
        note(actions[how]({ target: from, flags })),
      )
  }
  program
    .command('cancel')
    .description('Cancel messages by id, or all that fit, waiting or running.')
    .argument('<target>', target)
    .argument('[ids...]', 'ids of the messages')
    .option('--task <name>', 'all of this task')
    .option('--queue <name>', 'all of this queue')
    .option('--label <name=value>', 'all with this label; may be given many times', values.label)
    .option('--children', 'also what these messages sent')
    .option('--reason <text>', 'told to whoever waits for them', 'cancelled from the command line')
    .option('--json', 'print JSON, for programs')
    .action((from: string, ids: string[], flags: CancelCommand['flags']) =>
      note(actions.cancel({ target: from, ids, flags })),
    )
  program
    .command('limit')
    .description('Set a limit for all processes, durably, in place of what the code says.')
    .argument('<target>', target)
    .argument('<name>', 'a task; with --rate a rate, that of a task by TASK|rate')
    .option('--concurrency <n>', 'messages at once, or off', values.orOff(values.wholeNumber(1)))
    .option('--rate <n/time>', 'how many in which time (10/1m), or off', values.orOff(values.rate))
    .option('--key <key>', 'of this key alone')
    .action((from: string, name: string, flags: LimitCommand['flags']) =>
      note(actions.limit({ target: from, name, flags })),
    )
  toWorkers(
    program
      .command('shutdown')
      .description('Stop running workers: they fetch no more, and what runs may end.')
      .argument('<target>', target),
  )
    .option('--timeout <time>', 'how long running tasks may take', values.time)
    .action((from: string, flags: ControlCommand['flags']) =>
      note(actions.control({ what: 'shutdown', target: from, flags })),
    )
  toWorkers(
    program
      .command('scale')
      .description('Change how many tasks running workers run at once, until they start anew.')
      .argument('<target>', target),
  )
    .option('--concurrency <n>', 'tasks at once', values.wholeNumber(1))
    .option('--prefetch <n>', 'messages claimed beyond them', values.wholeNumber(0))
    .action((from: string, flags: ControlCommand['flags']) =>
      note(actions.control({ what: 'scale', target: from, flags })),
    )
}
