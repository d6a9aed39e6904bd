import { expect, test } from 'vitest'
import { hasPassingLiteral } from '../../src/statement/parse-time-literals.ts'
import { factsOf } from '../../src/statement/text-facts.ts'

test.each([
  "select id from users where at < 'today'::timestamptz",
  "select id from users where at < ' Now '",
  "select id from users where at <@ '[yesterday,tomorrow)'::tstzrange",
  "select '12:00today'::timestamp, 'now2'",
  "select 'n'\n'ow'::timestamptz",
  String.raw`select e'\x6eow'::timestamptz`,
  "select u&'!006eow' uescape '!' ::timestamptz",
  "select id from users where kind = 'users'::regclass",
])('may mean something else later: %s', (text) => {
  expect(hasPassingLiteral(text)).toBe(true)
  expect(factsOf(text).sharing?.parsesAnew).toBe(true)
})

test.each([
  'select now(), current_date from users where at < NOW ( )',
  'select known, nowhere, snow from users',
  "select id from users where name in ('a',\n 'b') and at < '2026-11-27'",
  "select id from users where known = 'x' and $1 = ''",
])('always means the same: %s', (text) => {
  expect(hasPassingLiteral(text)).toBe(false)
  expect(factsOf(text).sharing?.parsesAnew).toBe(undefined)
})
