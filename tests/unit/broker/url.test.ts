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
    ['redis://user:secret@host:6380/3', 'redis'],
    ['rediss://host', 'redis'],
    ['valkey://host', 'redis'],
  ])('%s opens %s', (url, name) => {
    expect(transportOf(url)).toMatchObject({ kind: 'transport', name })
  })

  it.each<[string, RegExp]>([
    ['', /cannot make a broker of ''\. Known: memory:, sqlite:/],
    ['tasks.db', /cannot make a broker of 'tasks\.db'/],
    ['amqp://user:secret@host', /cannot make a broker of a URL with 'amqp:'/],
    ['redis://host/tasks', /the number of a database, not 'tasks'/],
    ['redis://host?db=3', /parameters .* of which none is known/],
    ['redis://[', /cannot be read/],
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
    const text = (url: string): string => {
      try {
        return JSON.stringify(transportOf(url))
      } catch (error) {
        return String(error)
      }
    }
    expect(text('redis://user:secret@host/1')).toContain('host:6379/1')
    expect(text('redis://user:secret@host/1')).not.toContain('secret')
    expect(text('redis://user:secret@host/wrong')).toContain('wrong')
    expect(text('redis://user:secret@host/wrong')).not.toContain('secret')
    expect(text('amqp://user:secret@host')).not.toContain('secret')
  })
})
