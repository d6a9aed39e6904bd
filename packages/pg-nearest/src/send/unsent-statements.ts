import type { StatementNeed } from '../classification/statement-need-types.ts'
import { factsOf } from '../statement/text-facts.ts'

/**
 * Whether the server lacks a statement of a client's transaction: one that has ended without having been sent, so that nothing has failed there.
 * As behind one that has failed there, ROLLBACK TO undoes that, if its savepoint was set before.
 */
export class UnsentStatements {
  #lacks: 'none' | 'one' | 'one-for-good' = 'none'

  get any(): boolean {
    return this.#lacks !== 'none'
  }

  /** The statement whose turn it was has ended without having been sent. */
  note(): void {
    if (this.#lacks === 'none') this.#lacks = 'one'
  }

  /** The same of one that was still waiting: a ROLLBACK TO ahead of it does not undo that. */
  noteAheadOfTurn(): void {
    this.#lacks = 'one-for-good'
  }

  /** The turn of this one has come. */
  next({ transaction }: StatementNeed, text: string | undefined): void {
    if (this.#lacks !== 'one' || transaction === undefined) return
    const goesBack = transaction.kind === 'within' && text !== undefined && GOES_BACK.test(text)
    this.#lacks = goesBack ? 'none' : 'one-for-good'
  }

  forget(): void {
    this.#lacks = 'none'
  }
}

const GOES_BACK = /^\s*rollback\s/i

/**
 * What is sent for a text in a transaction that must not be committed: ROLLBACK for what would commit it, as PostgreSQL makes of it in one that
 * has failed. `undefined`: nothing, because the text may commit it and do more.
 */
export function withoutCommit(text: string | undefined): string | undefined {
  if (typeof text !== 'string') return undefined
  const facts = factsOf(text)
  const { transaction } = facts.need
  if (transaction?.kind === 'commit') return 'rollback'
  if (transaction?.kind === 'chain') return 'rollback and chain'
  if (!facts.is('single')) return facts.is('mayControlTransaction') ? undefined : text
  // PREPARE TRANSACTION
  return transaction?.kind === 'other' ? 'rollback' : text
}
