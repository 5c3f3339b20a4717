/** Builds dist/ from scratch. */
import { build, install } from './bootstrap.mjs'

install()
process.exitCode = build() ? 0 : 1
