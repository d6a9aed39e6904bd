import type { StatementNeed, TransactionControl } from '../classification/statement-need-types.ts'
import { factsOf } from './text-facts.ts'

/**
 * Whether a position query may be sent behind it. Not if SET TRANSACTION ISOLATION LEVEL may follow, which must precede any query; and not
 * behind a COPY, which would take the query for its rows.
 *
 * @param text - what it runs on its connection, which a name alone may stand for.
 */
export function mayAskAfter(text: string | undefined, { transaction }: StatementNeed): boolean {
  if (typeof text !== 'string') return true
  if (transaction !== undefined && (transaction.kind === 'begin' || mayHaveBegunAnother(text, transaction)))
    return false
  return factsOf(text).is('mayPrecedeQuestion')
}

/**
 * Where a query behind a statement runs: in a transaction that it would abort if it failed, or outside of one.
 *
 * @param open - whether a transaction is open ahead of the statement.
 */
export function runsInside(open: boolean, { transaction }: StatementNeed): boolean {
  return open && transaction?.kind !== 'commit' && transaction?.kind !== 'rollback'
}

/** At its end the open transaction may be committed. */
export function mayCommit({ transaction }: StatementNeed): boolean {
  return transaction !== undefined && COMMITTING.has(transaction.kind)
}

const COMMITTING: ReadonlySet<TransactionControl['kind']> = new Set(['commit', 'chain', 'other'])

/**
 * It may have committed something behind which no position can be asked for: it may have begun the next transaction at once, or only looks
 * like a COPY.
 *
 * @param open - whether a transaction is open behind it.
 */
export function commitsUnseen(text: string | undefined, need: StatementNeed, open: boolean): boolean {
  const { transaction } = need
  if (typeof text !== 'string' || need.class === 'read') return false
  return transaction === undefined
    ? !open && factsOf(text).is('readsFromClient')
    : mayHaveBegunAnother(text, transaction)
}

/** COMMIT AND CHAIN, or several statements, of which the last may be BEGIN. */
function mayHaveBegunAnother(text: string, { kind }: TransactionControl): boolean {
  return kind === 'chain' || !factsOf(text).is('single')
}
