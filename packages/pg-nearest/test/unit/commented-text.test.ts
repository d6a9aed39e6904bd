import { expect, test } from 'vitest'
import { isCommented } from '../../src/tracers/run-patched-query.ts'

const TEXTS: readonly [sent: string, original: string, isIt: boolean][] = [
  ['select 1', 'select 1', true],
  ["select 1 /*traceparent='00-ab-01'*/", 'select 1', true],
  ["/*dddbs='db'*/ select 1", 'select 1', true],
  ['/*a*/ select 1 /*b*/', 'select 1', true],
  ['select 1 ', 'select 1', true],
  ['select 1 where true', 'select 1', false],
  ['select 1 /*a*/ where true /*b*/', 'select 1', false],
  ['select 1 /*a', 'select 1', false],
  ['select 1 /*a /* b*/', 'select 1', false],
  ['select 1 -- a', 'select 1', false],
  ['select 1; select 1', 'select 1', false],
  ['select 2', 'select 1', false],
]

test.each(TEXTS)('whether %j is %j with a comment: %s', (sent, original, isIt) => {
  expect(isCommented(sent, original)).toBe(isIt)
})
