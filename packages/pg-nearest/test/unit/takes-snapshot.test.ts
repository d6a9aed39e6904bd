import { expect, test } from 'vitest'
import { mayPrecedeQuestion, readsFromClient, takesSnapshot } from '../../src/statement/takes-snapshot.ts'

interface Expected {
  readonly snapshot: boolean
  readonly question: boolean
  readonly copy?: boolean
}

const NONE: Expected = { snapshot: false, question: false }
const BOTH: Expected = { snapshot: true, question: true }
const COPY: Expected = { snapshot: true, question: false, copy: true }

test.each<[text: string, expected: Expected]>([
  ['', NONE],
  [' ; -- c', NONE],
  ['/* /* c */ */', NONE],
  ["set local app.a = 'a; b'", NONE],
  ["set local app.a = 'copy from stdin'", NONE],
  ["set local app.a = '1'; -- c", NONE],
  ["set local app.a = '1'; show app.a", NONE],
  ["/* /* c */ */ SET app.a = 'x\\'", NONE],
  ['show work_mem', NONE],
  ['lock table t', NONE],
  ['savepoint a', NONE],
  ['rollback to a', NONE],
  ['rollback /* c */ WORK to savepoint a', NONE],
  ['rollback to a; select 1', BOTH],
  ['rollback', { snapshot: false, question: true }],
  ['rollback and no chain', { snapshot: false, question: true }],
  ['commit', { snapshot: false, question: true }],
  ["prepare transaction 'a'", { snapshot: false, question: true }],
  ['prepare a as select 1', { snapshot: true, question: false }],
  ['deallocate all', { snapshot: true, question: false }],
  ['select 1', BOTH],
  ['(select 1)', BOTH],
  ["select 'copy', 'stdin'", BOTH],
  ['select copy from stdin', BOTH],
  ['explain select 1', BOTH],
  ["set local app.a = '1'; select 1", BOTH],
  ["insert into t values ('copy from stdin')", BOTH],
  ['copy t to stdout', BOTH],
  ['copy t from stdin', COPY],
  ['-- c\nset a = 1; copy "stdin" from stdin', COPY],
  ['copy "stdin" to stdout', BOTH],
  // Nobody knows where the string ends.
  ["select 'copy\\' stdin", COPY],
])('%j', (text, { snapshot, question, copy = false }) => {
  expect([takesSnapshot(text), mayPrecedeQuestion(text), readsFromClient(text)]).toEqual([snapshot, question, copy])
})
