import type { Lease } from '../monitor/server-connections.ts'
import type { Engine, Scope } from './engine.ts'
import type { HeldConnection } from './held-connection.ts'
import type { Journey } from './journey.ts'
import { mayNeedWriter } from './needs-writer.ts'
import { candidatesOf } from './no-server.ts'
import { planInstead } from './plan.ts'
import type { Request } from './request.ts'

/** What all journeys of a borrowed client have in common. */
export type HeldJourney = Omit<Journey<unknown, unknown>, 'harmless' | 'attempts' | 'run' | 'arrived'>

export function heldJourney(
  engine: Engine,
  scope: Scope,
  held: HeldConnection,
  { config, signal: own }: Request,
  reads: boolean,
  ofClient: AbortSignal | undefined,
): HeldJourney {
  const signal = own ?? ofClient
  engine.budget.deposit()
  return {
    text: config.text,
    reads,
    readOnly: scope.readOnly,
    signal,
    needsWriter: () => mayNeedWriter(engine, scope, reads),
    replan: () => planInstead(engine.topology),
    primaries: () => planInstead(engine.topology),
    borrow: (server) => held.take(server, signal),
    giveBack: (lease: Lease, error?: unknown) => held.letGoIfDead(lease, error),
    catchesUp: () => Promise.resolve(false),
    learn: () => engine.statements.learnWrite(config.text),
    failed: (error) => error,
    onTrouble: engine.report,
    mayRetry: () => engine.budget.withdraw(),
    findWriter: (since, waitedMs) => engine.findWriter(since, waitedMs, signal),
    candidates: () => candidatesOf(engine.topology),
  }
}
