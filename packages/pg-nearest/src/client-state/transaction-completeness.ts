import type { StatementNeed } from '../classification/statement-need-types.ts'

/**
 * Whether the server has heard of every statement of a client's transaction. It lacks one that has ended without having been sent, so that nothing
 * has failed there. As behind one that has failed there, ROLLBACK TO undoes that, if its savepoint was set before.
 */
export class TransactionCompleteness {
  #lacks: 'none' | 'one' | 'one-for-good' = 'none'

  get isIncomplete(): boolean {
    return this.#lacks !== 'none'
  }

  /** The statement whose turn it was has ended without having been sent. */
  noteUnsent(): void {
    if (this.#lacks === 'none') this.#lacks = 'one'
  }

  /** The same of one that was still waiting: a ROLLBACK TO ahead of it does not undo that. */
  noteUnsentAheadOfTurn(): void {
    this.#lacks = 'one-for-good'
  }

  /** The turn of this one has come. */
  next({ transaction }: StatementNeed, text: string | undefined): void {
    if (this.#lacks !== 'one' || transaction === undefined) return
    const goesBack = transaction.kind === 'within' && text !== undefined && /^\s*rollback\s/i.test(text)
    this.#lacks = goesBack ? 'none' : 'one-for-good'
  }

  forget(): void {
    this.#lacks = 'none'
  }
}
