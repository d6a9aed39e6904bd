import { expect, test } from 'vitest'
import { mayLeaveState } from '../../src/statement/stateless-functions.ts'

test.each([
  'select 1',
  'select count(*), max(age) filter (where age > 3) over (partition by name) from users where id in (1, 2)',
  "select coalesce(lower(name), 'x')::varchar(10) from users where exists (select 1) limit (2)",
  "select json_agg(to_jsonb(u)) from users as u join lateral (values (1)) as v on (true) where name like concat('a', '%')",
  'SELECT COUNT(*) FROM users',
  'select "count"(1), coalesce(1) from users where (1, 2) is distinct from (3, 4)',
  'select pg_catalog.lower(name) from users',
  "select 'be(1)' -- be(2)",
  "copy (select repeat('x', 3) from users) to stdout",
  'explain (costs off) select count(*) from users',
])('leaves nothing: %s', (text) => {
  expect(mayLeaveState(text)).toBe(false)
})

test.each([
  "select be('ada')",
  'select * from be()',
  'select "Be"(1)',
  'select "COUNT"(1)',
  'select app.count(1)',
  // In quotes a word is somebody's function, and so is one that no parenthesis follows otherwise.
  'select "order"(1)',
  'select "coalesce"(1)',
  "select within('ada')",
  // A Kelvin sign, which is another letter to PostgreSQL.
  'select ran\u212a(1)',
  'select "app" . lower (name) from users',
  'select count(be(1)) from users',
  "select copy('ada')",
  "copy (select be('ada')) to stdout",
  "explain (analyze, costs off) select be('ada')",
  'select explain(1)',
  "select 'unterminated",
  undefined,
])('may leave something: %s', (text) => {
  expect(mayLeaveState(text)).toBe(true)
})
