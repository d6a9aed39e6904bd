import type { Candidate } from '../errors.ts'
import type { ServedBy } from '../events/served-by.ts'
import type { Lease } from '../monitor/server-connections.ts'
import type { BehindError } from './behind-error.ts'
import type { Attempt } from './plan.ts'

/** Which server it was in the end, and how many were tried. */
export type Arrival = Omit<ServedBy, 'region'>

/** A statement on its way through the plan, and what it takes to run it. */
export interface Journey<R, T> {
  /** Without its values: it may stand in an error. */
  readonly text: string
  /** The text reads, as far as it shows. */
  readonly reads: boolean
  /** It is kept from writing wherever it runs, so a standby's refusal is the answer. */
  readonly readOnly: boolean
  /** It has no effect that outlives its connection: BEGIN. */
  readonly harmless: boolean
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  /** Nobody could run it: whether it is worth waiting for a primary. */
  needsWriter(): boolean
  /** Where to go when somebody was promoted. */
  replan(): readonly Attempt[]
  /** Where to go when a standby could not. */
  primaries(): readonly Attempt[]
  borrow(server: string): Promise<Lease>
  giveBack(lease: Lease, error?: unknown): void
  run(lease: Lease, attempt: Attempt): Promise<R>
  /** The server does not show what it must: whether it soon will, so that it is asked again. */
  catchesUp(behind: BehindError): Promise<boolean>
  /** A standby refused this text and only a primary can run it. */
  learn(): void
  /** It has its result. Returns what the walk resolves with. */
  arrived(result: R, arrival: Arrival): T
  /** It failed for good. Returns what the walk rejects with. */
  failed(error: unknown): unknown
  /** Evidence for the monitor: this server could not be connected to, lost a connection, or is not what it was taken for. */
  onTrouble(server: string, error: unknown, phase: 'connect' | 'query' | 'role'): void
  /** Whether what was sent before may be sent once more. */
  mayRetry(): boolean
  /** Whether a server that takes writes was heard of after `since` (in milliseconds since the epoch), or is within the time. */
  findWriter(since: number, waitedMs: number): Promise<boolean>
  /** All servers, for an error. */
  candidates(): readonly Candidate[]
}
