import type { Lease } from '../connections/lease.ts'
import type { RouteReason, ServedBy } from '../events/served-by.ts'
import { runWithin, type LimitedEnd } from '../execute/attempt.ts'
import type { Engine, Scope } from '../execute/engine.ts'
import { queryTimeoutOf } from '../execute/execute-statement.ts'
import type { Enforcement } from '../execute/read-only.ts'
import { runStatement, type RunEnd } from '../execute/run-statement.ts'
import type { Trust } from '../freshness/freshness-check.ts'
import { commitsUnseen, letsAskBehind } from '../statement/text-shape.ts'
import { behindLost } from './client-errors.ts'
import { FREE, nextClientState, type ClientState } from './client-state.ts'
import type { HeldConnection } from './held-connection.ts'
import type { QueuedStatement } from './queued-statement.ts'

/** How a statement ended on the connection that is held, and whether a transaction was open then. */
export interface HeldEnd {
  readonly end: LimitedEnd<RunEnd>
  readonly open: boolean
}

/** What a borrowed client is lent with, beside the scope of its pool. */
export interface ClientLimits {
  /** When it is aborted, what runs is cancelled, and nothing else runs. */
  readonly signal?: AbortSignal | undefined
  /** The server refuses whatever writes, as on a read-only handle; but what a standby cannot do, the primary does. */
  readonly readOnly?: boolean | undefined
  /** Servers that are tried behind all others, for they have just failed. */
  readonly avoid?: readonly string[] | undefined
}

/** What all statements of one borrowed client share. */
export class ClientContext {
  readonly engine: Engine
  readonly scope: Scope
  readonly held: HeldConnection
  /** Of the client: what runs is cancelled when it is aborted, and nothing else runs. */
  readonly signal: AbortSignal | undefined
  readonly avoid: readonly string[] | undefined
  /** The server refuses whatever writes, also on a primary. */
  readonly keepsFromWriting: boolean
  state: ClientState = FREE
  /** A BEGIN that has been answered, and not been sent. */
  begin: QueuedStatement | undefined

  constructor(engine: Engine, scope: Scope, held: HeldConnection, limits: ClientLimits) {
    this.engine = engine
    this.scope = scope
    this.held = held
    this.signal = limits.signal
    this.avoid = limits.avoid
    this.keepsFromWriting = scope.readOnly || limits.readOnly === true
  }

  throwIfLost(): void {
    if (this.state.kind === 'lost' || this.state.kind === 'unbegun') throw this.state.error
  }

  /** Whose limit it is that ends a statement. */
  signalOf(statement: Pick<QueuedStatement, 'request'>): AbortSignal | undefined {
    return statement.request.signal ?? this.signal
  }

  /** What keeps a statement from writing. */
  enforcementOf({ need }: Pick<QueuedStatement, 'need'>, reads: boolean): Enforcement {
    if (!this.keepsFromWriting) return 'none'
    if (this.held.open) return 'inside'
    if (need.transaction?.kind === 'begin') return 'begin'
    return reads ? 'read' : 'statement'
  }

  /**
   * Sends a statement on a connection that is held. When the caller's own limit ends it, the caller hears it at once, and this
   * resolves when the connection can be used again.
   */
  async send(statement: QueuedStatement, lease: Lease, enforcement: Enforcement, trust: Trust): Promise<HeldEnd> {
    const { request, need, check } = statement
    const { config } = request
    const wasOpen = lease.status !== 'I'
    const run = { config, enforcement, check, trust, letsAskBehind: letsAskBehind(config.text, need) }
    const limits = {
      signal: this.signalOf(statement),
      timeoutMs: queryTimeoutOf(config) ?? this.engine.queryTimeoutMs,
    }
    const unseen = commitsUnseen(config.text, need)
    const canWrite = !lease.provenStandby && enforcement === 'none' && (!wasOpen || commits(statement))
    let open = wasOpen
    const end = await runWithin<RunEnd>(
      lease,
      limits,
      (onEnd) =>
        runStatement(lease, run, (ended) => {
          open = lease.status !== 'I'
          onEnd(ended)
        }),
      canWrite ? () => check?.beginUnsettled() ?? ignore : undefined,
    )
    if (unseen || (canWrite && (end.kind === 'cut' || end.kind === 'lost'))) check?.lookAway()
    if (end.kind !== 'cut' && end.kind !== 'behind') return { end, open }
    if (end.kind === 'cut') statement.fail(end.error)
    if (!lease.quiet && lease.alive) await lease.cancel()
    await lease.fence
    return { end, open: lease.status !== 'I' }
  }

  /** A statement has ended: what it has left behind. `refused`: with an error of the server's. */
  settle({ request, need }: QueuedStatement, open: boolean, refused: boolean): void {
    const standby = this.held.lease?.standby === true
    this.state = nextClientState(this.state, { request, need, open, standby, failed: refused })
  }

  /** A cursor, a stream or a COPY has ended, of whose effect on the connection nobody knows more than what the server said. */
  settleForeign(open: boolean): void {
    if (open) this.state = { kind: 'transaction', stateful: this.state.kind === 'pinned', readOnly: false }
    else if (this.state.kind === 'transaction') this.state = this.state.stateful ? { kind: 'pinned' } : FREE
    else if (this.state.kind === 'reading') this.state = FREE
  }

  servedBy(server: string, role: ServedBy['role'], reason: RouteReason, attempts: number): ServedBy {
    return { server, region: this.engine.regionOf(server), role, reason, attempts }
  }

  /** Nothing runs any more before the release. */
  lose(error: unknown): void {
    this.held.letGo(true)
    this.state = { kind: 'lost', error: behindLost(error) }
  }
}

function commits({ need }: QueuedStatement): boolean {
  return need.transaction?.kind === 'commit' || need.transaction?.kind === 'other'
}

function ignore(): void {}
