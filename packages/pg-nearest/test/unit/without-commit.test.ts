import { expect, test } from 'vitest'
import { withoutCommit } from '../../src/statement/without-commit.ts'

test.each([
  ['commit', 'rollback'],
  ['end work;', 'rollback'],
  ['commit and no chain', 'rollback'],
  ["prepare transaction 'x'", 'rollback'],
  ['commit and chain', 'rollback and chain'],
  ['rollback and chain', 'rollback and chain'],
  ['rollback', 'rollback'],
  ['rollback to s', 'rollback to s'],
  ['savepoint s', 'savepoint s'],
  ['insert into notes values (1)', 'insert into notes values (1)'],
  ['insert into notes values (1); select 1', 'insert into notes values (1); select 1'],
  ['insert into notes values (1); commit', undefined],
  ['commit; begin', undefined],
  [undefined, undefined],
])('in a transaction that must not be committed, %s is sent as %s', (text, sent) => {
  expect(withoutCommit(text)).toBe(sent)
})
