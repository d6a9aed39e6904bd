import type { Lease } from '../monitor/server-connections.ts'
import type { Attempt } from './plan.ts'

/** A statement on its way through the plan, and what it takes to run it. */
export interface Journey<T> {
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
  /** Where to go when a standby could not. */
  primaries(): readonly Attempt[]
  borrow(server: string): Promise<Lease>
  giveBack(lease: Lease, error?: unknown): void
  run(lease: Lease): Promise<T>
  /** A standby refused this text and only a primary can run it. */
  learn(): void
  /** Evidence for the monitor: this server could not be connected to, or lost a connection. */
  onTrouble(server: string, error: unknown, phase: 'connect' | 'query'): void
}
