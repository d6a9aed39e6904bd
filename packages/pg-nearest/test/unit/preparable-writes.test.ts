import { expect, test } from 'vitest'
import { isPreparableWrite, unsettlesPrepared } from '../../src/statement/preparable-writes.ts'

test.each([
  'insert into users (name) values ($1) returning id',
  '/* a comment */ UPDATE users SET seen = now() WHERE id = $1;',
  'delete from users where id = $1',
  'merge into users u using news n on u.id = n.id when matched then delete',
])('may have a name: %s', (text) => {
  expect(isPreparableWrite(text)).toBe(true)
})

test.each([
  ['a string that passes', "update users set seen = 'now' where id = $1"],
  ['a number that is looked up once', "insert into kinds values ('users'::regclass)"],
  ['several', 'delete from a; delete from b'],
  ['no end', "insert into users (name) values ('"],
  ['NUL', 'delete from users\0'],
  ['more than is used again', `insert into users (name) values ${'($1),'.repeat(5_000)}($1)`],
  ['what changes no rows', 'create table users (id int)'],
  ['a read', 'select 1'],
  ['a call', 'call f()'],
  ['nothing', ''],
])('may have none: %s', (_, text) => {
  expect(isPreparableWrite(text)).toBe(false)
})

test.each([
  'create temp table users (id int)',
  'begin; ALTER table users rename to people',
  "do $$ begin execute 'drop table users'; end $$",
  'select * into temp users from people',
  'discard all',
  'deallocate x',
  'set search_path to tenant',
  "select set_config('search_path', $1, false)",
  "SET SCHEMA 'tenant'",
  'reset all',
])('what is prepared may mean something else behind it: %s', (text) => {
  expect(unsettlesPrepared(text)).toBe(true)
})

test.each([
  'select 1',
  'insert into users values ($1)',
  'begin',
  'update users set schema_name = $1',
  'set statement_timeout to 100',
  "select set_config('app.tenant', $1, true)",
  'call f()',
])('or the same: %s', (text) => {
  expect(unsettlesPrepared(text)).toBe(false)
})
