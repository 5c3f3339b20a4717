import { join } from 'node:path'

/** By what files a crew and its workers talk: a line for each run; and a file for each death to come. */
export const runsFile = (folder: string): string => join(folder, 'runs.jsonl')
export const killFile = (folder: string, task: string): string => join(folder, `kill-${task}`)
