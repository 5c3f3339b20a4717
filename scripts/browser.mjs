/**
 * The browser in which the reference application's page is tested: one that the environment names, one that is here,
 * or, as root, one that is installed. Plain Node without dependencies.
 */
import { findProgram, lackOf } from './servers.mjs'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** `{ environment }`, in which CHROMIUM names it; or `{ missing }` with what is not run and why. */
export function findBrowser(options = {}) {
  const {
    environment = process.env,
    say = console.log,
    isRoot = process.getuid?.() === 0,
    package: name = 'chromium',
  } = options
  if (environment.CHROMIUM) return { environment: {} }
  const find = () => {
    const found = names.map((program) => findProgram({ program }, environment))
    return found.find((program) => program !== undefined)
  }
  const lack =
    find() === undefined ? lackOf({ program: names[0], package: name }, isRoot, say) : undefined
  const program = find()
  if (program !== undefined) return { environment: { CHROMIUM: program } }
  return {
    missing:
      `Chromium: CHROMIUM is not set, and ${lack ?? 'what was installed is not on PATH'}. ` +
      `Not run: the page of the reference application (examples/reflector/tests/page.test.ts).`,
  }
}
