import { inRegion } from '../events/served-by.ts'
import type { Execution } from '../walk/execution-types.ts'
import { walk } from '../walk/walk.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { trusts } from '../freshness/statement-ending.ts'
import { FREE_GATE } from '../session-positions/external-bookmark-gate.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { createMultiplexedRead } from '../lane-rides/multiplexed-read.ts'
import { withoutStatementName } from '../route/without-statement-name.ts'
import { isOfConnection } from '../route/failure-meaning.ts'
import { avoiding, isRegional, planPrimary, type Attempt } from '../route/plan-servers.ts'
import { asksForPrimary, planStatement, type StatementPlan } from '../route/plan-statement.ts'
import type { StatementResult } from '../wire/exchange.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { abandonTransactionOnStandby, giveUpOnStandby } from './abandon-transaction-on-standby.ts'
import { guardOnConnection } from './guard-on-connection.ts'
import { borrowedClientExecution, type Planning } from './connection-keeping-execution.ts'
import { laneBoarding } from './lane-boarding.ts'
import type { QueuedStatement, Serving } from '../client-state/queued-statement.ts'

/** Runs a statement that is not pinned on the plan's servers in turn. The client keeps the connection that it ends on. */
export async function runUnpinned(
  client: ClientContext,
  statement: QueuedStatement,
  reads: boolean,
  attempts: readonly Attempt[],
): Promise<Serving> {
  try {
    return await walk(executionOf(client, statement, reads, attempts))
  } catch (error) {
    // A text of several statements may have begun a transaction before it failed.
    // It may have committed a part, with what that has set.
    const { open, lease } = client.held
    if (open || (statement.need.mayCommitInside === true && lease?.alive === true)) client.settle(statement, open, true)
    throw error
  } finally {
    client.rider?.end()
  }
}

function executionOf(
  client: ClientContext,
  statement: QueuedStatement,
  reads: boolean,
  attempts: readonly Attempt[],
): Execution<StatementResult, Serving> {
  const { need, request, signal } = statement
  const begins = need.transaction?.kind === 'begin'
  let { config } = request
  const facts = {
    reads,
    readOnly: client.scope.readOnly,
    regional: isRegional(client.scope.target),
    harmless: begins,
    mayCommitInside: need.mayCommitInside === true,
  }
  const mayRide = client.engine.lanes !== undefined && !asksForPrimary(client.scope, request)
  const rider = mayRide ? createMultiplexedRead(client.engine, facts, need, config) : undefined
  client.rider = rider
  let open = false
  let mayMove = begins && !reads
  const planning = planReading(client, statement, statement.check)
  return borrowedClientExecution<StatementResult, Serving>(client, {
    facts,
    text: request.config.text,
    signal,
    attempts,
    learns: true,
    ...(reads ? { planning } : { check: statement.check }),
    ...(rider && {
      board: (attempt, end) => laneBoarding(client, rider, { attempt, check: planning.check(), signal, end }),
    }),
    run: async (lease, attempt, forced) => {
      // A BEGIN on a server that gets no writes is kept from them by what it begins.
      if (!forced) guardOnConnection(client, statement, lease)
      const enforcement = forced && !begins ? 'statement' : client.enforcementOf(statement, reads)
      if (client.remembers(need) && need.setting !== undefined) client.held.beginSetting(lease, need.setting)
      lease.movable = reads
      const check = planning.check()
      const startedAt = rider === undefined ? 0 : performance.now()
      const ended = await client.send(statement, lease, {
        config: rider?.takeConfig() ?? config,
        enforcement,
        trust: trusts(attempt),
        check,
        reads,
        onEnd: rider && ((end) => rider.ranAlone(end, lease.server, performance.now() - startedAt)),
      })
      if (ended.end.kind === 'answered' && isOfConnection(ended.end.error)) config = withoutStatementName(config)
      lease.movable = false
      // Nobody knows whether it is set there.
      if (ended.end.kind === 'cut' && client.remembers(need)) client.held.letGo(!lease.alive)
      open = ended.open
      // Behind a pooler, what was taken for the primary: whatever may write goes to another one.
      if (ended.end.kind === 'behind' && mayMove) return giveUpOnStandby(client, lease)
      // A transaction that began on a server that is behind is rolled back before it begins elsewhere.
      if (ended.end.kind === 'behind' && open) await client.held.rollBack()
      if (!mayMove || (ended.end.kind !== 'result' && ended.end.kind !== 'answered')) return ended.end
      mayMove = false
      return abandonTransactionOnStandby(client, lease) ?? ended.end
    },
    waitToCatchUp: async (behind) => (await planning.check()?.waitToCatchUp(behind)) ?? false,
    succeeded: (result, arrival) => {
      client.settle(statement, open, false, arrival.reason === 'unproven')
      if (reads && (arrival.reason === 'schema-lag' || arrival.reason === 'lagging')) client.holdForNow()
      return { result, servedBy: inRegion(arrival, client.engine.stateOf(arrival.server)?.region) }
    },
  })
}

/**
 * How a read follows what its session learns on the way.
 *
 * @param check - what it must show as its session is now.
 */
export function planReading(
  client: ClientContext,
  { need, request, own }: Pick<QueuedStatement, 'need' | 'request' | 'own'>,
  check: FreshnessCheck | undefined,
): Required<Planning> {
  const { engine, scope } = client
  const begins = need.transaction?.kind === 'begin'
  let latest = check
  return {
    enterPrimary: (server) =>
      (begins ? latest?.enterPrimaryToBegin(server) : latest?.enterPrimary(server)) ?? FREE_GATE,
    check: () => latest,
    replan: () => {
      latest?.emitLosses()
      latest = createFreshnessCheck(engine, own, request.consistency, true)
      if (client.held.lease?.alive === false) client.held.letGo(true)
      const plan = planStatement(engine, scope, request)
      return heldServerFirst(client, { attempts: plan.attempts, reads: true }, latest)
    },
  }
}

/**
 * The held connection's server first. After a write the client stays on the primary until the server that it would read from is known to show
 * what was written.
 */
export function heldServerFirst(
  client: ClientContext,
  { attempts, reads }: Pick<StatementPlan, 'attempts' | 'reads'>,
  check?: FreshnessCheck,
): readonly Attempt[] {
  const { isOnStandby } = client
  const lease = client.held.lease?.spent === false ? client.held.lease : undefined
  const onPrimary = lease !== undefined && !isOnStandby
  if (onPrimary && reads && leavesPrimary(client, attempts[0], check)) {
    return avoiding(client.avoid, check === undefined ? attempts : check.order(attempts))
  }
  const ordered = reads && !onPrimary && check !== undefined ? check.order(attempts) : attempts
  if (lease === undefined || (isOnStandby && !reads)) return avoiding(client.avoid, ordered)
  const planned = ordered.find(({ server, unproven }) => server === lease.server && unproven !== true)
  if (planned === undefined && isOnStandby) return ordered
  const stays: Attempt = planned ?? { server: lease.server, reason: 'own-write' }
  const first = isOnStandby || planned === ordered[0] ? stays : { ...stays, reason: 'own-write' as const }
  return [first, ...ordered.filter(({ server }) => server !== lease.server)]
}

/** Without a check a read may show anything. */
function leavesPrimary({ engine, held }: ClientContext, nearest: Attempt | undefined, check?: FreshnessCheck): boolean {
  if (engine.alone || nearest === undefined || nearest.server === held.lease?.server) return false
  return check === undefined || check.isShownBy(nearest.server)
}

export function attemptsOnPrimary(client: ClientContext): readonly Attempt[] {
  return heldServerFirst(client, { reads: false, attempts: planPrimary(client.engine.topology, 'transaction') })
}
