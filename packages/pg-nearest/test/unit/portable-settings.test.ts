import { expect, test } from 'vitest'
import { classify } from '../../src/classification/classify.ts'

test.each([
  ['set search_path to a, b', 'search_path'],
  ['SET SESSION jit = off;', 'jit'],
  ['/* mine */ set Statement_Timeout = 5', 'statement_timeout'],
  ['set "Search_Path" = a', 'search_path'],
  ["set time zone 'UTC'", 'timezone'],
  ["set schema 'a'", 'search_path'],
  ['set enable_seqscan = off', 'enable_seqscan'],
  ['set geqo to off', 'geqo'],
  ['reset work_mem', 'work_mem'],
  ['set work_mem to default', 'work_mem'],
])('%s goes with its client: %s', (text, setting) => {
  expect(classify(text)).toEqual({ class: 'session', session: 'setting', setting })
})

test.each([
  'set local search_path to a',
  'set role admin',
  'reset role',
  'set session authorization admin',
  'set session characteristics as transaction read only',
  'set transaction read only',
  'set default_transaction_read_only = on',
  'set default_transaction_isolation = serializable',
  'set transaction_timeout = 5',
  'set session_replication_role = replica',
  'set row_security = off',
  'set standard_conforming_strings = off',
  'set client_encoding = latin1',
  "set names 'utf8'",
  "set app.tenant = '1'",
  'set enable.seqscan = off',
  'set jittery = on',
  'set work_mem from current',
  'set "enable_a.b" = 1',
  `set "enable_', true), pg_sleep(1), ('" = on`,
  'set temp_buffers = 100',
  'reset all',
  'discard all',
  'set search_path to a; select 1',
  'set search_path to a; set search_path to b',
  "set search_path to 'a\\'",
  "select set_config('search_path', 'a', false)",
  'show search_path',
  'set',
  'set session',
  'reset',
])('%s does not', (text) => {
  expect(classify(text).setting).toBeUndefined()
})
