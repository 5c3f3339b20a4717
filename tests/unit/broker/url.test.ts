import { describe, expect, it } from 'vitest'
import { transportOf } from '../../../src/broker/url.ts'
import { DefinitionError } from '../../../src/core/errors.ts'

describe('a URL', () => {
  it.each([
    ['memory:', 'memory'],
    ['memory:named', 'memory'],
    ['MEMORY:', 'memory'],
    ['sqlite:./tasks.db', 'sqlite'],
    ['sqlite:/data/a%20b.db', 'sqlite'],
    ['sqlite:///data/tasks.db', 'sqlite'],
    ['sqlite:./tasks.db?synchronous=full', 'sqlite'],
    ['sqlite:./tasks.db?synchronous=normal', 'sqlite'],
  ])('%s opens %s', (url, name) => {
    expect(transportOf(url)).toMatchObject({ kind: 'transport', name })
  })

  it.each<[string, RegExp]>([
    ['', /cannot make a broker of ''\. Known: memory:, sqlite:/],
    ['tasks.db', /cannot make a broker of 'tasks\.db'/],
    ['redis://user:secret@host', /cannot make a broker of a URL with 'redis:'/],
    ['sqlite:', /names no file/],
    ['sqlite::memory:', /names no file/],
    ['sqlite:?synchronous=full', /names no file/],
    ['sqlite:./100%.db', /names no file.*%25/],
    ['sqlite://data/tasks.db', /names no file.*sqlite:\/\/\/data/],
    ['sqlite:./a.db?mode=ro', /no parameter 'mode'/],
    ['sqlite:./a.db?synchronous=off', /synchronous is 'normal' or 'full'/],
  ])('%s is refused', (url, text) => {
    expect(() => transportOf(url)).toThrow(DefinitionError)
    expect(() => transportOf(url)).toThrow(text)
  })

  it('tells no secrets', () => {
    expect(() => transportOf('redis://user:secret@host')).not.toThrow(/secret/)
  })
})
