import { statementsOf } from '../classification/classify.ts'
import { tokenize } from '../classification/tokenizer.ts'

/**
 * Whether something in a text takes a snapshot, behind which PostgreSQL takes no isolation level and no READ WRITE: anything but settings, locks,
 * notifications and transaction control. What is in doubt is read as with `standard_conforming_strings`.
 */
export function takesSnapshot(text: string): boolean {
  return BEGINS_WITH_QUERY.test(text) || verbsOf(text).some((verb) => !TAKES_NONE.has(verb))
}

/** A position query may be sent behind it: it shows or writes something, and would not take the query for its rows. */
export function mayPrecedeQuestion(text: string): boolean {
  if (readsFromClient(text)) return false
  return BEGINS_WITH_QUERY.test(text) || verbsOf(text).some((verb) => !SEES_NOTHING.has(verb))
}

/** It is COPY … FROM STDIN, or may be. */
export function readsFromClient(text: string): boolean {
  if (!/\bcopy\b/i.test(text) || !/\bstdin\b/i.test(text)) return false
  const { tokens, doubtful } = tokenize(text)
  const isCopy = ([first, ...rest]: typeof tokens): boolean =>
    first?.kind === 'word' &&
    first.text === 'copy' &&
    rest.some(({ kind, text: word }) => kind === 'word' && word === 'stdin')
  return doubtful || statementsOf(tokens).some(isCopy)
}

/** Most do, and need not be read to their end. */
const BEGINS_WITH_QUERY = /^\s*(?:select|insert|update|delete|with)\b/i

const SETTINGS_AND_LOCKS = 'set show reset notify lock listen unlisten savepoint release'.split(' ')
const BACK_TO_SAVEPOINT = 'rollback to'
const CONTROL = ['begin', 'start', 'commit', 'end', 'rollback', 'abort', 'prepare transaction']
const TAKES_NONE: ReadonlySet<string> = new Set([...SETTINGS_AND_LOCKS, BACK_TO_SAVEPOINT, ...CONTROL])
const OF_CONNECTION = ['discard', 'deallocate', 'close', 'prepare']
const SEES_NOTHING: ReadonlySet<string> = new Set([...SETTINGS_AND_LOCKS, BACK_TO_SAVEPOINT, ...OF_CONNECTION])

/** The first word of each statement; of PREPARE TRANSACTION and ROLLBACK TO both, whatever stands between. */
function verbsOf(text: string): readonly string[] {
  return statementsOf(tokenize(text).tokens).map(([first, ...rest]) => {
    if (first?.kind !== 'word') return ''
    const has = (word: string, within: number): boolean =>
      rest.slice(0, within).some((token) => token.kind === 'word' && token.text === word)
    if (first.text === 'prepare' && has('transaction', 1)) return 'prepare transaction'
    // ROLLBACK WORK TO SAVEPOINT is the longest form.
    return first.text === 'rollback' && has('to', 2) ? BACK_TO_SAVEPOINT : first.text
  })
}
