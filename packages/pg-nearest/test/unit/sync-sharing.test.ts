import { expect, test } from 'vitest'
import { syncSharing } from '../../src/statement/sync-sharing.ts'

test.each([
  ['select 1', 'select 1'],
  ['select id from users where id = $1', 'users'],
  ['SELECT u.id FROM Users AS u WHERE u.id = $1 ORDER BY 1, 2', 'users'],
  ['select id from public.users u limit $1', 'public.users'],
  ['select id from "Users"', '"Users"'],
  ['select (select 1 from users), 2', 'users'],
  ['select id, (id + 1) from users', 'users'],
  ['select a from (select 1 as a) as t', 'select a from (select 1 as a) as t'],
  ['select id from users, teams', 'select id from users, teams'],
  ['select id from users u, teams', 'select id from users u, teams'],
  ['select id from users join teams using (id)', 'select id from users join teams using (id)'],
  ['select id from only users', 'select id from only users'],
  ['select id from users union table teams', 'select id from users union table teams'],
  ['select id from users where exists (select from teams)', 'select id from users where exists (select from teams)'],
  ['with u as (select 1) select * from u', 'with u as (select 1) select * from u'],
  ['select * from generate_series(1, 3)', 'select * from generate_series(1, 3)'],
  ['select id, age from users where age > $1', 'users'],
  ['select current_credit, current_user from accounts', 'accounts'],
])('shares a Sync with what reads the same: %s', (text, tables) => {
  expect(syncSharing(text)).toEqual({ tables })
})

test.each([
  'select now()',
  'select id from users where at < current_timestamp',
  "select id from users where at < 'today'::timestamptz",
  'select age(at) from users',
  'select pg_catalog.AGE /* since */ (at) from users',
  'select "age"(at) from users',
  'select current_date - born from users',
  'select localtime',
  String.raw`select e'\x6eow'::timestamptz`,
])('has a Sync of its own, because it may read the clock: %s', (text) => {
  expect(syncSharing(text)).toEqual({ tables: undefined })
})

test.each([
  'select tenant($1)',
  'select app.lower(name) from users',
  "select set_config('a', 'b', true)",
  'select pg_sleep(1)',
  'select pg_relation_size($1)',
  'select to_regclass($1)',
  "select has_table_privilege($1, 'select')",
  'select 1; select 2',
  'explain select 1',
  'show work_mem',
  'copy users to stdout',
  "select 'unterminated",
  'select 1\0',
  '',
  '-- nothing',
  `select ${'1,'.repeat(20_000)}1`,
])('shares no connection: %s', (text) => {
  expect(syncSharing(text)).toBe(undefined)
})
