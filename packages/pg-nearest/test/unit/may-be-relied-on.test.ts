import { expect, test } from 'vitest'
import { classify } from '../../src/classification/classify.ts'
import { mayBeReliedOn } from '../../src/statement/may-leave-trace.ts'

test.each<[string, boolean]>([
  ['select be($1)', true],
  ['select be($1), current_setting($2)', true],
  ['call become($1)', true],
  ["do $$ begin perform be('x'); end $$", true],
  ["insert into t values (1); select be('x')", true],
  ["begin; select be('x'); commit", true],
  ["select be('x\\'), be('y')", true],
  ['select be(a) from t for share', true],
  ["(select be('x')) for update", true],
  ['with n as (insert into t values (1) returning a) select be(a) from n', true],
  ["select be('x'), nextval('s')", true],
  ['insert into t values (1) returning be(a)', true],
  ['update t set a = 1 returning a, lower(b)', false],
  ['select a from t for update', false],
  ['select a from t where lower(a) = $1', false],
  ['select current_setting($1)', false],
  ['show search_path', false],
  ['insert into t (a) values (be($1))', false],
  ['create function f() returns int language sql as $$ select 1 $$', false],
  // Their client is pinned, or in a transaction.
  ['set app.who = 1', false],
  ['listen x', false],
  ['begin', false],
  ['commit', false],
])('%s: %s', (text, expected) => {
  expect(mayBeReliedOn(text, classify(text))).toBe(expected)
})

test('nobody knows what a text does that is none', () => {
  expect(mayBeReliedOn(undefined, classify(''))).toBe(true)
})
