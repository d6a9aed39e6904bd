/**
 * What a piece of SQL needs, guessed from its text alone. A wrong `read` costs one wasted trip (a standby refuses every
 * write); a wrong `write` or `session` costs a trip to the primary. What a standby would accept but mean otherwise must
 * therefore never be called `read`.
 */
export type StatementClass = 'read' | 'write' | 'session' | 'transaction'

/** What a text needs. A pure value: the same text always gives the same need. */
export interface StatementNeed {
  /**
   * - `read`: any server that is fresh enough.
   * - `write`: the primary, any connection.
   * - `session`: the primary, and from here on the same connection (SET, LISTEN, temporary tables, advisory locks …).
   * - `transaction`: BEGIN, COMMIT, SAVEPOINT … A text of several statements with one of them among the others is this.
   */
  readonly class: StatementClass
  /** What a `transaction` text does; `undefined` for the other classes. */
  readonly transaction?: TransactionControl
}

export interface TransactionControl {
  /** `other`: SAVEPOINT, RELEASE, PREPARE TRANSACTION, or a text of several statements that has control among them. */
  readonly kind: 'begin' | 'commit' | 'rollback' | 'other'
  /** For `begin`: READ ONLY was asked for, and nothing that a standby refuses (SERIALIZABLE, DEFERRABLE, READ WRITE). */
  readonly standbyCanBegin: boolean
  /** For `begin`: each statement takes a snapshot of its own (READ COMMITTED, or not said). */
  readonly snapshotPerStatement: boolean
}
