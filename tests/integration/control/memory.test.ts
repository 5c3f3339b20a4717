import { describe } from 'vitest'
import { memoryTransport } from '../../../src/memory/index.ts'
import { controlSuite } from '../../support/control-suite.ts'

describe('on the memory transport', () => controlSuite(() => memoryTransport()))
