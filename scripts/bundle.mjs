/**
 * Bundles the compiled files of a folder into its `lib/`: one small file for each entry and the chunks that
 * they share, all in one folder. What users import is read as a few files in place of a hundred and fifty.
 *
 *     node scripts/bundle.mjs dist
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

const folder = resolve(process.argv[2])
const { bin, exports } = JSON.parse(readFileSync('package.json', 'utf8'))

/** `./redis` is compiled from redis/index.js into lib/redis.js, as package.json says. */
const faces = Object.entries(exports).flatMap(([subpath, entry]) =>
  typeof entry === 'string' ? [] : [[entryName(entry.default), join(subpath, 'index.js')]],
)
const programs = Object.values(bin).map((file) => [entryName(file), `cli/${entryName(file)}.js`])
/** Started as threads and processes by their address, which is beside the chunk that starts them. */
const threads = [
  ['engine-thread', 'sqlite/engine-thread.js'],
  ['isolated-entry', 'worker/isolated-entry.js'],
  ['lease-thread-entry', 'redis/lease-thread-entry.js'],
  ['worker-child', 'cli/worker-child.js'],
]

const bundle = await rolldown({
  input: Object.fromEntries(
    [...faces, ...programs, ...threads].map(([name, file]) => [name, join(folder, file)]),
  ),
  platform: 'node',
  external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/.test(id),
  plugins: [{ name: 'maps of the compiler', load: withItsMap }],
})
await bundle.write({
  dir: join(folder, 'lib'),
  format: 'esm',
  chunkFileNames: '[name]-[hash].js',
  sourcemap: true,
  keepNames: true,
})
await bundle.close()

function entryName(file) {
  return /^\.\/dist\/lib\/(.+)\.js$/.exec(file)[1]
}

function withItsMap(id) {
  return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
}
