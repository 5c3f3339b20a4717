import { Option } from 'commander'

/** A flag that may also come from the environment: `--log-level` is `TASKWRIGHT_LOG_LEVEL`. */
export function flag(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? ''
  return new Option(flags, description).env(`TASKWRIGHT_${name.replaceAll('-', '_').toUpperCase()}`)
}

/** Prints JSON instead of tables. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for programs')
}
