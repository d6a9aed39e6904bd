export type Kind = 'read' | 'read-only transaction' | 'session read' | 'write' | 'transaction' | 'session write'

/** `unknown`: OutcomeUnknownError. `aborted`: not ended when its time was over; a write may have happened. */
export type Outcome = 'ok' | 'failed' | 'unknown' | 'aborted'

export const KINDS: readonly Kind[] = [
  'read',
  'read-only transaction',
  'session read',
  'write',
  'transaction',
  'session write',
]

/** Something that an app did, and what it was told. */
export interface Deed {
  /** The region of the app. */
  readonly app: string
  readonly kind: Kind
  /** The rows that it inserts. */
  readonly ids: readonly number[]
  /** Milliseconds of `performance.now()`. */
  readonly invokedAt: number
  readonly completedAt: number
  readonly outcome: Outcome
  /** Who answered. */
  readonly server?: string
  readonly code?: string
  readonly message?: string
}

export function isRead({ kind }: Pick<Deed, 'kind'>): boolean {
  return kind === 'read' || kind === 'read-only transaction' || kind === 'session read'
}
