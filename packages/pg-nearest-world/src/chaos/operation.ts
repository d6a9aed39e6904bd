import type { ServedBy } from 'pg-nearest'

/**
 * One operation on one register, as its client saw it. A register holds a version that only grows, so that of two
 * versions the smaller is the older one.
 */
export interface Operation {
  /** The causal session; it stays the same when another pool continues it. */
  readonly session: string
  readonly kind: 'read' | 'write'
  readonly register: number
  /** What a read returned, or what a write made; only of an operation that is `ok`. */
  readonly version?: number
  /** Milliseconds. No two events of a history happen at the same time. */
  readonly invokedAt: number
  readonly completedAt: number
  /** `unknown`: a write that may or may not have happened. */
  readonly outcome: 'ok' | 'failed' | 'unknown'
  readonly servedBy?: Pick<ServedBy, 'server' | 'reason'>
  /** The region of the pool that was asked. */
  readonly from?: string
  /** How the statement was run: the workload's word for it. */
  readonly by?: string
  /** Of the error, if there was one. */
  readonly code?: string
}
