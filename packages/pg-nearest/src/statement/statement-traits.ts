import type { StatementNeed, TransactionControl } from './statement-class.ts'

/** No second statement follows. May say `false` for a single statement with a semicolon in a string. */
export function isSingleStatement(text: string): boolean {
  return !/;\s*\S/.test(text)
}

/** It may set a transaction's mode by its name. `RESET transaction_read_only` makes a READ ONLY one READ WRITE until PostgreSQL 15. */
export function namesTransactionMode(text: string): boolean {
  return /transaction_read_only/i.test(text)
}

/** It may be COPY … FROM STDIN. */
export function readsFromClient(text: string): boolean {
  return /\bcopy\b/i.test(text) && /\bstdin\b/i.test(text)
}

/**
 * Whether a position query may be sent behind it. Not if SET TRANSACTION ISOLATION LEVEL may follow, which must precede any query;
 * and not behind a COPY, which would take the query for its rows.
 */
export function mayAskAfter(text: string | undefined, { transaction }: StatementNeed): boolean {
  if (typeof text !== 'string') return true
  if (transaction !== undefined && (transaction.kind === 'begin' || mayHaveBegunAnother(text, transaction)))
    return false
  return !(isSingleStatement(text) && SEES_NOTHING.test(text)) && !EMPTY.test(text) && !readsFromClient(text)
}

/**
 * Where a query behind a statement runs: in a transaction that it would abort if it failed, or outside of one.
 *
 * @param open - whether a transaction is open ahead of the statement.
 */
export function runsInside(open: boolean, { transaction }: StatementNeed): boolean {
  return open && transaction?.kind !== 'commit' && transaction?.kind !== 'rollback'
}

/** These need no snapshot, so they show and write nothing. */
const SEES_NOTHING =
  /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:set|show|notify|reset|savepoint|release|lock|listen|unlisten|discard|deallocate|close|prepare\s+(?!transaction\b)\S+)\s/i

/** Only white space, semicolons and comments. */
const EMPTY = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*$/

/** At its end the open transaction may be committed. */
export function mayCommit({ transaction }: StatementNeed): boolean {
  return transaction !== undefined && COMMITTING.has(transaction.kind)
}

const COMMITTING: ReadonlySet<TransactionControl['kind']> = new Set(['commit', 'chain', 'other'])

/** It may commit and begin the next transaction at once, so that its position cannot be asked for. */
export function commitsUnseen(text: string | undefined, { transaction }: StatementNeed): boolean {
  return transaction !== undefined && typeof text === 'string' && mayHaveBegunAnother(text, transaction)
}

/** COMMIT AND CHAIN, or several statements, of which the last may be BEGIN. */
function mayHaveBegunAnother(text: string, { kind }: TransactionControl): boolean {
  return kind === 'chain' || !isSingleStatement(text)
}

/** It is SET TRANSACTION ISOLATION LEVEL, which must precede any query. */
export function setsIsolation(text: string): boolean {
  return ISOLATION.test(text)
}

const ISOLATION =
  /^\s*set\s+transaction\s+isolation\s+level\s+(?:serializable|repeatable\s+read|read\s+committed|read\s+uncommitted)\s*;?\s*$/i
