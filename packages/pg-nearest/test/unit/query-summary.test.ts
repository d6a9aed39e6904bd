import fc from 'fast-check'
import { expect, test } from 'vitest'
import { querySummary } from '../../src/opentelemetry/query-summary.ts'
import { tokenize } from '../../src/classification/tokenizer.ts'

const summaryOf = (text: string): string | undefined => querySummary(tokenize(text).tokens)

test.each([
  ['select * from users where id = 1', 'SELECT users'],
  ['SELECT 1', 'SELECT'],
  ['select a from Users u join public."Orders" o on o.id = u.id', 'SELECT users public.Orders'],
  ['insert into users (name) values ($1) on conflict (name) do update set name = $1', 'INSERT users'],
  ['insert into shipping select * from orders', 'INSERT shipping SELECT orders'],
  ['update only users set age = 1 from hits where true', 'UPDATE users hits'],
  ['delete from users using hits', 'DELETE users'],
  ['merge into users using hits on true when matched then delete', 'MERGE users'],
  ['with x as (update users set age = 1 returning *) select * from x', 'UPDATE users SELECT x'],
  ['select extract(year from born), substring(name from 2) from users for update', 'SELECT users'],
  ['select * from (select * from users) u where u.id in (select id from hits)', 'SELECT SELECT users SELECT hits'],
  ['select * from generate_series(1, 9)', 'SELECT'],
  ['select a is distinct from b from users', 'SELECT users'],
  ['table users', 'TABLE users'],
  ['begin isolation level serializable', 'BEGIN'],
  ["set application_name = 'secret'", 'SET'],
  ["alter role app password 'secret'", 'ALTER'],
  ['/* a */ create temp table x (update int)', 'CREATE'],
  ['explain analyze select * from users', 'EXPLAIN SELECT users'],
  ['select 1; delete from users', 'SELECT DELETE users'],
  ['secret', undefined],
  ['', undefined],
  [';;', undefined],
  [`select * from ${'x'.repeat(300)}`, 'SELECT'],
])('%s', (text, summary) => {
  expect(summaryOf(text)).toBe(summary)
})

test('no text throws, and no summary is long', () => {
  const pieces = fc.constantFrom(
    ...'select from update into insert delete join only table ( ) ; . , $1 "A b" users'.split(' '),
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string())), (words) => {
      expect(summaryOf(words.join(' '))?.length ?? 0).toBeLessThanOrEqual(255)
    }),
  )
})
