import { Option, type Command } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import { flag, jsonOption } from './flag-options.ts'
import * as values from './flag-values.ts'
import type {
  ScheduleCommand,
  ScheduleNextCommand,
  SchedulePlanCommand,
} from './schedule-command.ts'
import type { SchedulerCommand } from './scheduler-command.ts'

/** What the commands about schedules do. */
export interface ScheduleActions {
  readonly scheduler: (command: SchedulerCommand) => Promise<ExitCode>
  readonly scheduleList: (command: ScheduleCommand) => Promise<ExitCode>
  readonly scheduleNext: (command: ScheduleNextCommand) => Promise<ExitCode>
  readonly schedulePause: (command: SchedulePlanCommand) => Promise<ExitCode>
  readonly scheduleResume: (command: SchedulePlanCommand) => Promise<ExitCode>
  readonly scheduleRun: (command: SchedulePlanCommand) => Promise<ExitCode>
  readonly scheduleRemove: (command: SchedulePlanCommand) => Promise<ExitCode>
  readonly scheduleStatus: (command: ScheduleCommand) => Promise<ExitCode>
}

/** `taskwright scheduler` and `taskwright schedule …`. */
export function scheduleCommands(
  program: Command,
  actions: ScheduleActions,
  note: (work: Promise<ExitCode>) => Promise<void>,
): void {
  const target = 'FILE:EXPORT of a scheduler, or of a broker'
  program
    .command('scheduler')
    .description('Run a scheduler. Any number may run at once: each plan is fired once.')
    .argument('<target>', target)
    .argument('[modules...]', 'files that define tasks')
    .addOption(flag('--skip-first-run', 'make up for nothing that was due before the start'))
    .addOption(
      flag(
        '--update-interval <time>',
        'how often plans made at run time are looked for (default: 1s)',
      ).argParser(values.time),
    )
    .addOption(
      flag('--log-level <level>', 'debug, info, warn or error')
        .default('info')
        .argParser(values.logLevel),
    )
    .addOption(
      flag('--log-format <format>', 'pretty or json')
        .default('pretty')
        .argParser(values.oneOf('pretty', 'json')),
    )
    .action((named: string, modules: string[], flags: SchedulerCommand['flags']) =>
      note(actions.scheduler({ target: named, modules, flags })),
    )
  const schedule = program.command('schedule').description('Look at plans, and change them.')
  const sub = (name: string, description: string): Command =>
    schedule
      .command(name)
      .description(description)
      .argument('<target>', target)
      .option('--module <files...>', 'files that define tasks')
      .addOption(jsonOption())
  sub('list', 'Print all plans, when they are due, and what they did.').action(
    (named: string, flags: ScheduleCommand['flags']) =>
      note(actions.scheduleList({ target: named, flags })),
  )
  sub(
    'status',
    'Print how the schedulers do; exit code 1 unless one leads and nothing is overdue.',
  ).action((named: string, flags: ScheduleCommand['flags']) =>
    note(actions.scheduleStatus({ target: named, flags })),
  )
  sub('next', 'Print when a plan is due.')
    .argument('<id>', 'id of the plan')
    .addOption(
      new Option('--count <n>', 'so many times').default(5).argParser(values.wholeNumber(1)),
    )
    .action((named: string, id: string, flags: ScheduleNextCommand['flags']) =>
      note(actions.scheduleNext({ target: named, id, flags })),
    )
  for (const [name, description, action] of [
    ['pause', 'Let a plan send nothing until it is resumed.', actions.schedulePause],
    ['resume', 'Let a plan go on with its next time.', actions.scheduleResume],
    ['run', 'Send the message of a plan now.', actions.scheduleRun],
    ['remove', 'Delete a plan that was made at run time.', actions.scheduleRemove],
  ] as const) {
    sub(name, description)
      .argument('<id>', 'id of the plan')
      .action((named: string, id: string, flags: SchedulePlanCommand['flags']) =>
        note(action({ target: named, id, flags })),
      )
  }
}
