import { Command, InvalidArgumentError, Option } from 'commander'
import { priorityNumber, type Priority } from '../core/labels.ts'
import type {
  DeadDeleteCommand,
  DeadListCommand,
  DeadRetryCommand,
  DeadShowCommand,
} from './dead-command.ts'
import type { ExitCode } from './exit-codes.ts'
import { flag, jsonOption } from './flag-options.ts'
import * as values from './flag-values.ts'
import type { PurgeCommand } from './purge-command.ts'
import type { QueuesCommand } from './queues-command.ts'
import type { ResultCommand, ResultFlags } from './result-command.ts'
import { controlCommands, type ControlActions } from './control-program.ts'
import { scheduleCommands, type ScheduleActions } from './schedule-program.ts'
import type { SendCommand, SendFlags } from './send-command.ts'
import type { WorkerCommand, WorkerFlags } from './worker-command.ts'

/** What each command does. */
export interface Actions extends ScheduleActions, ControlActions {
  worker(command: WorkerCommand): Promise<ExitCode>
  send(command: SendCommand): Promise<ExitCode>
  result(command: ResultCommand): Promise<ExitCode>
  queues(command: QueuesCommand): Promise<ExitCode>
  purge(command: PurgeCommand): Promise<ExitCode>
  deadList(command: DeadListCommand): Promise<ExitCode>
  deadShow(command: DeadShowCommand): Promise<ExitCode>
  deadRetry(command: DeadRetryCommand): Promise<ExitCode>
  deadDelete(command: DeadDeleteCommand): Promise<ExitCode>
}

/** A parsed command line, and the exit code that its command ended with. */
export interface Program {
  readonly command: Command
  run(argv: readonly string[]): Promise<ExitCode>
}

const fileExport =
  'FILE:EXPORT of the broker, such as ./broker.ts:broker; :EXPORT may be left out when there is one'
const orUrl = `${fileExport}; or a URL such as sqlite:./tasks.db`

/**
 * The command line as data. A flag wins over its environment variable, which wins over the default.
 * Errors are thrown (commander's `exitOverride`), so that one place decides about exit codes.
 */
export function buildProgram(actions: Actions, version: string): Program {
  let code: ExitCode = 0
  const note = async (work: Promise<ExitCode>): Promise<void> => {
    code = await work
  }
  const program = new Command('taskwright')
    .description('The distributed task queue for TypeScript.')
    .version(version, '-V, --version')
    .exitOverride()
    .showHelpAfterError('Add --help for what there is.')
  workerCommand(program).action((target: string, modules: string[], flags: WorkerFlags) =>
    note(actions.worker({ target, modules, flags })),
  )
  sendCommand(program).action((target: string, task: string, flags: SendFlags) =>
    note(actions.send({ target, task, flags })),
  )
  program
    .command('result')
    .description('Print where a message is, and its result when it has ended.')
    .argument('<target>', orUrl)
    .argument('<id>', 'id of the message')
    .addOption(waitOption())
    .addOption(jsonOption())
    .action((target: string, id: string, flags: ResultFlags) =>
      note(actions.result({ target, id, flags })),
    )
  program
    .command('queues')
    .description('Print every queue and how many messages it holds.')
    .argument('<target>', orUrl)
    .addOption(jsonOption())
    .action((target: string, flags: QueuesCommand['flags']) =>
      note(actions.queues({ target, flags })),
    )
  program
    .command('purge')
    .description('Cancel all that waits in a queue.')
    .argument('<target>', orUrl)
    .argument('<queue>', 'name of the queue')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action((target: string, queue: string, flags: PurgeCommand['flags']) =>
      note(actions.purge({ target, queue, flags })),
    )
  scheduleCommands(program, actions, note)
  deadCommands(program, actions, note)
  controlCommands(program, { actions, target: orUrl, note })
  return {
    command: program,
    async run(argv) {
      await program.parseAsync([...argv], { from: 'user' })
      return code
    },
  }
}

function workerCommand(program: Command): Command {
  return program
    .command('worker')
    .description('Run worker processes.')
    .argument('<target>', fileExport)
    .argument('[modules...]', 'files that define tasks')
    .addOption(
      flag('--workers <n>', 'child processes; one that dies is restarted')
        .default(1)
        .argParser(values.wholeNumber(1)),
    )
    .addOption(
      flag('--concurrency <n>', 'tasks at once in each process')
        .default(100)
        .argParser(values.wholeNumber(1)),
    )
    .addOption(
      flag(
        '--prefetch <n>',
        'messages claimed beyond that; 0 for long tasks (default: as many as concurrency, at most 100)',
      ).argParser(values.wholeNumber(0)),
    )
    .addOption(
      flag(
        '--queues <names>',
        "with commas between them, or with weights: critical=6,default=3,low=1 (default: the tasks' own)",
      ).argParser(values.queueList),
    )
    .addOption(
      flag('--strict', 'takes from a queue only when those before it in --queues have nothing'),
    )
    .addOption(
      flag(
        '--ack <when>',
        'late: when the result is stored; early: before the task runs, so that a crash loses it',
      )
        .default('late')
        .argParser(values.oneOf('early', 'late')),
    )
    .addOption(
      flag(
        '--lease <time>',
        'how long a message of a dead worker stays its own (default: 30s)',
      ).argParser(values.time),
    )
    .addOption(
      flag(
        '--redeliveries <n>',
        'lost leases before a message is set aside as poison (default: 3)',
      ).argParser(values.wholeNumber(0)),
    )
    .addOption(
      flag('--max-tasks-per-child <n>', 'replace a process after this many tasks').argParser(
        values.wholeNumber(1),
      ),
    )
    .addOption(
      flag(
        '--max-memory-per-child <size>',
        'replace a process that has grown beyond this, such as 512mb',
      ).argParser(values.memorySize),
    )
    .addOption(
      flag('--shutdown-timeout <time>', 'how long a drain waits for running tasks')
        .default(30_000, '30s')
        .argParser(values.time),
    )
    .addOption(flag('--reload', 'restart on a change of the sources'))
    .addOption(
      flag('--fs-discover <pattern>', "also load the files that fit, such as '**/tasks.ts'"),
    )
    .addOption(
      flag(
        '--with-scheduler [target]',
        'also run the scheduler of this FILE:EXPORT (default: one of the broker)',
      ),
    )
    .addOption(
      flag('--name <name>', 'of this worker, in logs and events; each process adds its number'),
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
}

function sendCommand(program: Command): Command {
  return program
    .command('send')
    .description('Send one message and print its id.')
    .argument('<target>', fileExport)
    .argument('<task>', 'name of the task')
    .option('--args <json>', 'positional arguments, a JSON array', values.json('array'))
    .option('--kwargs <json>', 'named arguments, a JSON object', values.json('object'))
    .option('--module <files...>', 'files that define tasks')
    .option('--queue <name>', "instead of the task's own")
    .option('--delay <time>', 'not before this time from now, such as 5m', values.time)
    .option('--priority <level>', 'low, normal, high, critical, or 0 to 9', priority)
    .option('--label <name=value>', 'a label; may be given many times', values.label)
    .option('--id <id>', 'id of the message: the same twice is one message')
    .option('--remote', 'send a task that this broker does not know')
    .addOption(waitOption())
    .addOption(jsonOption())
}

function deadCommands(
  program: Command,
  actions: Actions,
  note: (work: Promise<ExitCode>) => Promise<void>,
): void {
  const dead = program.command('dead').description('Look at dead letters and put them back.')
  filtered(
    dead
      .command('list')
      .description('Print dead letters, newest first.')
      .argument('<target>', orUrl),
  )
    .addOption(
      new Option('--limit <n>', 'at most so many').default(50).argParser(values.wholeNumber(1)),
    )
    .option('--after <id>', 'only those after this one: the next page')
    .addOption(jsonOption())
    .action((target: string, flags: DeadListCommand['flags']) =>
      note(actions.deadList({ target, flags })),
    )
  dead
    .command('show')
    .description('Print one dead letter with its payload.')
    .argument('<target>', orUrl)
    .argument('<id>', 'id of the message')
    .addOption(jsonOption())
    .action((target: string, id: string, flags: DeadShowCommand['flags']) =>
      note(actions.deadShow({ target, id, flags })),
    )
  filtered(
    dead
      .command('retry')
      .description('Put dead letters back into their queues, with a fresh retry budget.')
      .argument('<target>', orUrl)
      .argument('[ids...]', 'ids of the messages')
      .option('--all', 'all of them, or all that the filters leave'),
  )
    .option('--rate <n>', 'at most so many a second', values.wholeNumber(1))
    .option('--args <json>', 'run with these positional arguments', values.json('array'))
    .option('--kwargs <json>', 'run with these named arguments', values.json('object'))
    .addOption(jsonOption())
    .action((target: string, ids: string[], flags: DeadRetryCommand['flags']) =>
      note(actions.deadRetry({ target, ids, flags })),
    )
  filtered(
    dead
      .command('delete')
      .description('Delete dead letters for good.')
      .argument('<target>', orUrl)
      .argument('[ids...]', 'ids of the messages')
      .option('--all', 'all of them, or all that the filters leave'),
  )
    .option(
      '--keep <n>',
      'all but the newest n of each queue, and with --older-than those of that age',
      values.wholeNumber(0),
    )
    .addOption(jsonOption())
    .action((target: string, ids: string[], flags: DeadDeleteCommand['flags']) =>
      note(actions.deadDelete({ target, ids, flags })),
    )
}

/** The flags that say which dead letters are meant. */
function filtered(command: Command): Command {
  return command
    .option('--queue <name>', 'only of this queue')
    .option('--task <name>', 'only of this task')
    .option(
      '--reason <reason>',
      'only set aside for this reason',
      values.oneOf('failed', 'poison', 'malformed', 'unknown', 'expired', 'rejected'),
    )
    .option('--label <name=value>', 'only with this label; may be given many times', values.label)
    .option('--error <text>', 'only with this text in the detail')
    .option('--older-than <time>', 'only set aside longer ago than this, such as 7d', values.time)
}

function waitOption(): Option {
  return new Option(
    '--wait [timeout]',
    'wait for the result, for as long as it takes or this long',
  ).argParser(values.time)
}

function priority(text: string): Priority {
  const level = priorityNumber(text.trim().toLowerCase())
  if (level !== undefined) return level as Priority
  throw new InvalidArgumentError('Give low, normal, high, critical, or a whole number from 0 to 9.')
}
