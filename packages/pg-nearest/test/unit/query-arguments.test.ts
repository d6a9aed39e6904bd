import { expect, test } from 'vitest'
import { parseQueryArguments } from '../../src/route/parse-query-arguments.ts'

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
