/**
 * What a piece of SQL needs, guessed from its text. A wrong `read` costs a wasted round trip, because a standby refuses writes; a
 * wrong `write` or `session` costs a round trip to the primary. But what a standby would accept with a different effect must never
 * be called `read`.
 */
export type StatementClass = 'read' | 'write' | 'server-bound' | 'session' | 'transaction'

/** What a text needs. */
export interface StatementNeed {
  /**
   * - `read`: any server that is fresh enough.
   * - `write`: the primary, on any connection.
   * - `server-bound`: the same, though it writes nothing: a standby would answer it, too, but with what is true of that standby.
   * - `session`: the primary, and from here on the same connection (SET, LISTEN, temporary tables, advisory locks …).
   * - `transaction`: BEGIN, COMMIT, SAVEPOINT … A text of several statements with one of them among the others is this.
   */
  readonly class: StatementClass
  /** What a `transaction` text does; `undefined` for the other classes. */
  readonly transaction?: TransactionControl
  /** What a `session` text does to its connection, if that is not for good; `undefined`: anything. */
  readonly session?: SessionEffect
  /** A `transaction` text has what is `session` by itself among its statements, and not only until its transaction ends. */
  readonly leavesState?: true
  /** The one setting that a `session` text sets or resets, if that means the same on another connection. */
  readonly setting?: string
  /**
   * If it fails, a part of it may have been committed: CALL, DO, several statements with transaction control among them, or what cannot
   * be read to its end.
   */
  readonly mayCommitInside?: true
}

/**
 * - `local`: it only reads settings, or sets them until its transaction ends (SHOW, current_setting, SET LOCAL, set_config(…, true)).
 * - `setting`: it sets what RESET ALL sets back.
 * - `reset`: it is RESET ALL.
 * - `discard`: it is DISCARD ALL, after which a connection is as new.
 */
export type SessionEffect = 'local' | 'setting' | 'reset' | 'discard'

export interface TransactionControl {
  /**
   * `chain`: COMMIT or ROLLBACK, AND CHAIN. `modes`: SET TRANSACTION with modes. `within`: what else neither begins nor ends a transaction
   * (SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION SNAPSHOT, SET CONSTRAINTS). `other`: PREPARE TRANSACTION, or a text of several statements that has control among them.
   */
  readonly kind: 'begin' | 'commit' | 'rollback' | 'chain' | 'modes' | 'within' | 'other'
  /** For `begin`: it is READ ONLY. */
  readonly readOnly: boolean
  /** For `begin`: it is READ ONLY, and nothing in it is refused by a standby (SERIALIZABLE, READ WRITE). */
  readonly standbyCanBegin: boolean
  /** For `begin` and `modes`: each statement takes its own snapshot (READ COMMITTED, or no isolation level). */
  readonly snapshotPerStatement: boolean
}

/** Whether its effect on the connection outlives its transaction. */
export function leavesSessionState({ class: kind, session, leavesState }: StatementNeed): boolean {
  return leavesState === true || (kind === 'session' && session !== 'local')
}
