/** The type tests of tests/types, on the compiler that builds the package and on the oldest line it supports. */
import { pathToFileURL } from 'node:url'
import { install, runPackage } from './bootstrap.mjs'
import { finish, step } from './steps.mjs'

const compilers = { 'TypeScript 7': 'typescript', 'TypeScript 5.9': 'typescript-5.9' }

export const typeTests = Object.entries(compilers).map(([label, folder]) => ({
  name: `type tests on ${label}`,
  check: () => runPackage(`${folder}/bin/tsc`, ['-p', 'tests/types/tsconfig.json']),
}))

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  install()
  for (const { name, check } of typeTests) step(name, check)
  finish('types')
}
