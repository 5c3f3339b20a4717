import { spawn } from 'node:child_process'
import { rename } from 'node:fs/promises'
import type { AudioTool } from './audio-tool.ts'

/** Every format that ffmpeg knows, video included; writes MP3. */
export function ffmpegTool(program: string): AudioTool {
  return {
    name: `ffmpeg (${program})`,
    format: 'mp3',
    async hasAudio(file) {
      // Without an output ffmpeg tells what is in the file and ends with an error.
      const { stderr } = await run(program, ['-hide_banner', '-i', file])
      return /^ *Stream #.*: Audio: /m.test(stderr)
    },
    async decode(file, rate) {
      const args = ['-i', file, '-vn', '-f', 's16le', '-ac', '1', '-ar', String(rate), '-']
      const { stdout } = await must(program, args)
      const whole = stdout.subarray(0, stdout.length - (stdout.length % 2))
      // Copied, because a buffer of the pool may start at an odd byte.
      return { rate, samples: new Int16Array(new Uint8Array(whole).buffer) }
    },
    async extract(from, to) {
      const mp3 = ['-vn', '-codec:a', 'libmp3lame', '-q:a', '4', '-f', 'mp3']
      await must(program, ['-i', from, ...mp3, `${to}.part`])
      await rename(`${to}.part`, to)
    },
  }
}

async function must(program: string, args: readonly string[]): Promise<{ stdout: Buffer }> {
  const { code, stdout, stderr } = await run(program, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...args,
  ])
  if (code !== 0) throw new Error(`ffmpeg could not read it: ${stderr.trim() || `code ${code}`}`)
  return { stdout }
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
    )
  })
}
