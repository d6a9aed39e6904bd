import type { StatementNeed } from '../classification/statement-need-types.ts'

/**
 * What the server lacks of a transaction.
 *
 * - `until-back`: a statement, until ROLLBACK TO, if its savepoint was set before it, or ROLLBACK.
 * - `until-rollback`: a statement, until ROLLBACK.
 * - `for-good`: a statement, whatever comes: COMMIT is refused.
 */
type Lack = 'none' | 'until-back' | 'until-rollback' | 'for-good'

/**
 * Whether the server has heard of every statement of a client's transaction. It lacks one that has ended without having been sent, so that nothing
 * has failed there. As behind one that has failed there, ROLLBACK and ROLLBACK TO undo that.
 */
export class TransactionCompleteness {
  #lack: Lack = 'none'

  get isIncomplete(): boolean {
    return this.#lack !== 'none'
  }

  /** The statement whose turn it was has ended without having been sent. */
  noteUnsent(): void {
    if (this.#lack === 'none') this.#lack = 'until-back'
  }

  /**
   * The same of one that was still waiting: what comes before it undoes nothing of it.
   *
   * @param ahead - what waits for its turn ahead of it.
   */
  noteUnsentAheadOfTurn(ahead: readonly StatementNeed[]): void {
    if (this.#lack !== 'for-good') this.#lack = ahead.some(mayEnd) ? 'for-good' : 'until-rollback'
  }

  /** What was given as COMMIT is sent as ROLLBACK, and nobody may take it for done. */
  noteRefusedCommit(): void {
    this.#lack = 'for-good'
  }

  /** The turn of this one has come. */
  next({ transaction }: StatementNeed, text: string | undefined): void {
    if (transaction === undefined || this.#lack === 'none' || this.#lack === 'for-good') return
    if (transaction.kind === 'rollback') return this.forget()
    const goesBack = transaction.kind === 'within' && text !== undefined && GOES_BACK.test(text)
    if (this.#lack === 'until-back') this.#lack = goesBack ? 'none' : 'until-rollback'
  }

  forget(): void {
    this.#lack = 'none'
  }
}

/** The transaction of those behind it may be another one. */
function mayEnd({ transaction }: StatementNeed): boolean {
  return transaction !== undefined && transaction.kind !== 'within' && transaction.kind !== 'modes'
}

const GOES_BACK = /^\s*rollback\s/i
