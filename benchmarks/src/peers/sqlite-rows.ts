import type { Peer } from './peer.ts'

/** The bare loop on SQLite with a statement for every row: the limit of a queue that has no lines. */
export const sqliteRows: Peer = {
  name: 'bare rows',
  engine: 'sqlite',
  settings: 'WAL, synchronous=NORMAL, main thread, 100 rows in a transaction, a statement for each',
  missing: 'sends and round trips, which the other bare loop has',
  keepsResults: true,
  scenarios: ['process', 'backlog'],
  open: async (file, { results }) =>
    (await import('../raw/sqlite-raw.ts')).sqliteRaw(file, {
      results,
      synchronous: 'normal',
      lines: false,
    }),
}
