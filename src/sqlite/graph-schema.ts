/**
 * The tables of workflows.
 *
 * ```
 *   tw_run      one row a run: its state, what is left to do in it, what was said of it at the start
 *   tw_node     one row a node: what it is and where it is      tw_extent   the live parts of a run
 *   tw_edge     one row an edge, found from both of its ends    tw_step     the message of a task node
 *   tw_value    the result body of a task node that ended
 * ```
 *
 * What changes (states, positions) lies apart from what is large (messages, values): a row that is
 * written often is short.
 */
export const graphSchema = `
CREATE TABLE tw_run(
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, gen INT NOT NULL,
  created INT NOT NULL, ended INT, cause INT, reason TEXT, next INT NOT NULL,
  head TEXT,      -- JSON; NULL until it is sealed
  todo TEXT,      -- JSON; NULL: nothing is left to do
  expires INT,    -- ms since 1970; NULL while it is going
  deadline INT    -- ms since 1970; NULL: none, or it has ended
) STRICT;
CREATE INDEX tw_run_todo ON tw_run(no) WHERE todo IS NOT NULL;
CREATE INDEX tw_run_expires ON tw_run(expires) WHERE expires IS NOT NULL;
CREATE INDEX tw_run_deadline ON tw_run(deadline) WHERE deadline IS NOT NULL;
CREATE TABLE tw_node(
  run INT NOT NULL, ord INT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, gate TEXT,
  lo INT NOT NULL, hi INT NOT NULL, policy TEXT NOT NULL, side INT, under INT, takes INT NOT NULL,
  empty INT NOT NULL, width INT NOT NULL,
  state TEXT NOT NULL, gen INT NOT NULL, pos INT NOT NULL, cause INT, idle INT NOT NULL,
  released INT, ended INT, graft INT, parent INT,
  PRIMARY KEY(run, ord)
) STRICT, WITHOUT ROWID;
CREATE TABLE tw_edge(
  run INT NOT NULL, src INT NOT NULL, dst INT NOT NULL, slot INT NOT NULL,
  PRIMARY KEY(run, src, dst)
) STRICT, WITHOUT ROWID;
CREATE INDEX tw_edge_in ON tw_edge(run, dst, slot, src);
CREATE TABLE tw_extent(
  run INT NOT NULL, lo INT NOT NULL, hi INT NOT NULL, parent INT,
  PRIMARY KEY(run, lo)
) STRICT, WITHOUT ROWID;
CREATE INDEX tw_extent_parent ON tw_extent(run, parent) WHERE parent IS NOT NULL;
CREATE TABLE tw_step(
  run INT NOT NULL, ord INT NOT NULL, queue TEXT NOT NULL, priority INT NOT NULL, delay INT,
  data ANY NOT NULL, PRIMARY KEY(run, ord)
) STRICT;
CREATE TABLE tw_value(
  run INT NOT NULL, ord INT NOT NULL, data ANY NOT NULL, PRIMARY KEY(run, ord)
) STRICT;
`
