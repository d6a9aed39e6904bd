import type pg from 'pg'
import type { Lease } from '../monitor/server-connections.ts'
import { isAnswer } from '../server-failure.ts'
import { isFatal } from './fatal.ts'
import { inOneFlight } from './flight.ts'
import { sendGroup, type GroupOutcome } from './group-query.ts'
import { expectTrail, positionOf, runStatement, type Rider } from './run-statement.ts'

/**
 * Sends a BEGIN and the statements behind it as one group, in one round trip; where that cannot be, one by one.
 * Rejects only if the connection fails.
 */
export async function runGroup(
  lease: Lease,
  configs: readonly pg.QueryConfig[],
  rider: Rider | undefined,
): Promise<readonly GroupOutcome[]> {
  const outcomes = lease.pipelines ? await runTogether(lease, configs, rider) : []
  const sent = lease.pipelines ? sentOf(outcomes) : 0
  if (sent === configs.length) return outcomes
  const rest = await runInTurn(lease, configs.slice(sent))
  if (rider !== undefined) rider.saidBehind = await positionOf(lease, rider.stranger)
  return [...outcomes.slice(0, sent), ...rest]
}

/** How many were given to the server: none behind one with a value that cannot be sent. */
function sentOf(outcomes: readonly GroupOutcome[]): number {
  const at = outcomes.findIndex((outcome) => outcome.kind === 'error' && !isAnswer(outcome.error))
  return at < 0 ? outcomes.length : at + 1
}

function runTogether(
  lease: Lease,
  configs: readonly pg.QueryConfig[],
  rider: Rider | undefined,
): Promise<readonly GroupOutcome[]> {
  return inOneFlight(lease.client, async () => {
    const group = sendGroup(lease.client, configs)
    const position = rider?.behind === true ? positionOf(lease, rider.stranger) : undefined
    try {
      return await group
    } finally {
      if (rider !== undefined && position !== undefined) {
        const late = expectTrail(lease)
        rider.saidBehind = await position
        clearTimeout(late)
      }
    }
  })
}

/** One by one, until the server refuses one: the transaction has failed then. */
async function runInTurn(lease: Lease, configs: readonly pg.QueryConfig[]): Promise<readonly GroupOutcome[]> {
  const outcomes: GroupOutcome[] = []
  for (const config of configs) {
    // oxlint-disable-next-line no-await-in-loop -- that is what it is for
    const outcome = await outcomeOf(lease, config)
    outcomes.push(outcome)
    if (outcome.kind === 'error' && isAnswer(outcome.error)) break
  }
  return configs.map((_, i) => outcomes[i] ?? { kind: 'skipped' })
}

async function outcomeOf(lease: Lease, config: pg.QueryConfig): Promise<GroupOutcome> {
  try {
    return { kind: 'result', result: (await runStatement(lease, config, 'none', undefined)) as pg.QueryResult }
  } catch (error) {
    if (isFatal(lease, error)) throw error
    return { kind: 'error', error }
  }
}
