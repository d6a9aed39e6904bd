import type pg from 'pg'
import type { Lease } from '../monitor/server-connections.ts'
import { isAnswer, isConnectionLoss } from '../server-failure.ts'
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
  const outcomes = await (lease.pipelines ? runTogether(lease, configs, rider) : runInTurn(lease, configs))
  if (rider !== undefined && !lease.pipelines) rider.saidBehind = await positionOf(lease, rider.stranger)
  return outcomes
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

async function runInTurn(lease: Lease, configs: readonly pg.QueryConfig[]): Promise<readonly GroupOutcome[]> {
  const outcomes: GroupOutcome[] = []
  for (const config of configs) {
    if (outcomes.at(-1)?.kind === 'error') break
    // oxlint-disable-next-line no-await-in-loop -- that is what it is for
    outcomes.push(await outcomeOf(lease, config))
  }
  return configs.map((_, i) => outcomes[i] ?? { kind: 'skipped' })
}

async function outcomeOf(lease: Lease, config: pg.QueryConfig): Promise<GroupOutcome> {
  try {
    return { kind: 'result', result: (await runStatement(lease, config, 'none', undefined)) as pg.QueryResult }
  } catch (error) {
    if (!isAnswer(error) || isConnectionLoss(error)) throw error
    return { kind: 'error', error }
  }
}
