import { accessSync, chmodSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import type { AudioTool } from './audio-tool.ts'
import { ffmpegTool } from './ffmpeg-tool.ts'
import { wavTool } from './wav-tool.ts'

/**
 * ffmpeg where there is one: the program that `FFMPEG` names, one on the path, or the one inside the
 * package `@ffmpeg-installer/ffmpeg`. Otherwise (and with `FFMPEG=none`) WAV files only.
 */
export function findAudioTool(env: NodeJS.ProcessEnv = process.env): AudioTool {
  const program = ffmpegProgram(env)
  return program === undefined ? wavTool : ffmpegTool(program)
}

/** Where ffmpeg is; `undefined` where there is none, or none is wanted. */
export function ffmpegProgram(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env['FFMPEG'] ?? ''
  if (named !== '') return named === 'none' ? undefined : named
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...folders.map((folder) => join(folder, 'ffmpeg')), packaged()].find(
    (file) => file !== undefined && executable(file),
  )
}

function packaged(): string | undefined {
  try {
    const { path } = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg') as { path: string }
    // Its install script makes it executable; where scripts are not run, nobody has.
    if (!executable(path)) chmodSync(path, 0o755)
    return path
  } catch {
    return undefined
  }
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
