import { describe } from 'vitest'
import { canvasSuite } from '../../support/canvas-suite.ts'

describe('on the memory transport', () => canvasSuite(() => 'memory:'))
