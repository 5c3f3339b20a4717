/** The outside world as a process of its own: `node … stand-ins/main.ts <folder> [port]`. */
import { findAudioTool } from '../audio/find-audio-tool.ts'
import { startStandIns } from './stand-ins.ts'

const [folder, port = '0'] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: main.ts <folder for objects> [port]')
const standIns = await startStandIns({ folder, port: Number(port), tool: findAudioTool() })
console.log(standIns.url)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void standIns.stop().then(() => process.exit(0)))
