import { expect, test } from 'vitest'
import { parseQueryArguments } from '../../src/execute/parse-query-arguments.ts'

const parse = (fields: object): unknown => parseQueryArguments({ text: 'select 1', ...fields }, undefined, undefined)

test.each([
  ['rout', 'route'],
  ['Route', 'route'],
  ['consistancy', 'consistency'],
  ['singal', 'signal'],
  ['timeoutMS', 'timeoutMs'],
  ['timeout_ms', 'timeoutMs'],
  ['timoutMs', 'timeoutMs'],
])('%s is a misspelled %s', (name, meant) => {
  const refused = expect.objectContaining({ code: 'NEAREST_BAD_OPTION', option: name })
  expect(() => parse({ [name]: 1 })).toThrow(refused)
  expect(() => parse({ [name]: 1 }), 'the second time, too').toThrow(`Did you mean ${meant}?`)
})

test.each([
  'timeout',
  'options',
  'rowAsArray',
  '__knexUid',
  'sql',
  'bindings',
  'method',
  'signalling',
  'ms',
  'query_timeout',
])('%s belongs to somebody else', (name) => {
  expect(() => parse({ [name]: 1 })).not.toThrow()
})

const configOf = (given: object): object => parseQueryArguments(given, undefined, undefined).request.config

test('what a class says by accessors is read, and nothing that is no part of a query', () => {
  class Query {
    readonly #id = 7
    get text(): string {
      return `select ${this.#id}`
    }
    get rows(): undefined {
      return undefined
    }
  }
  expect(configOf(new Query())).toEqual({ text: 'select 7' })
  const more = {
    text: 'select 1',
    name: undefined,
    get lazy(): never {
      throw new Error('It was looked at')
    },
  }
  expect(configOf(more)).toEqual({ text: 'select 1' })
})

test('a __proto__ of somebody’s JSON is no part of it either', () => {
  const given = { text: 'select 1', ...(JSON.parse('{ "__proto__": { "rowMode": "array", "name": "a" } }') as object) }
  const config = configOf(given)
  expect('rowMode' in config || 'name' in config).toBe(false)
})
