import type pg from 'pg'
import type { Need } from '../statement/need.ts'
import { abortedError, emptyResult } from './deferred-begin.ts'
import type { GroupOutcome } from './group-query.ts'
import type { Guard } from './guard.ts'
import type { HeldConnection } from './held-connection.ts'
import type { Journey } from './journey.ts'
import type { Attempt } from './plan.ts'
import type { Request } from './request.ts'
import { runGroup } from './run-group.ts'
import type { Rider } from './run-statement.ts'
import { mayJoin, takesRider } from './travel.ts'
import { walk } from './walk.ts'

interface Statement {
  readonly request: Request
  readonly need: Need
}

/** A transaction whose BEGIN was answered and not sent, and the first statement behind it. */
export interface Opening<T extends Statement> {
  readonly begin: Statement
  /** The first statement. What is gathered behind it is added. */
  readonly members: T[]
  readonly guard: Guard | undefined
  readonly journey: Omit<Journey<unknown, unknown>, 'harmless' | 'attempts' | 'run' | 'arrived'>
  readonly attempts: readonly Attempt[]
  /** Takes the next one that waits out of its line, if it is wanted. */
  readonly carry: (wanted: (statement: T) => boolean) => T | undefined
}

interface Opened {
  /** One for each member. */
  readonly ends: readonly GroupOutcome[]
  readonly server: string
}

/** What one caller is told. */
export type Final = { readonly result: pg.QueryResult } | { readonly error: unknown }

/** @throws the BEGIN's own error, or what `walk` throws: in both cases nothing was run that lasts, if the end is known. */
export async function openTransaction<T extends Statement>(opening: Opening<T>): Promise<Opened> {
  const { begin, members, guard, journey, attempts, carry } = opening
  const configs = (): pg.QueryConfig[] => [begin, ...members].map(({ request }) => request.config)
  const { outcomes, server } = await walk<
    readonly GroupOutcome[],
    { outcomes: readonly GroupOutcome[]; server: string }
  >({
    ...journey,
    // Until its COMMIT is sent a transaction has no effect, and one that only reads has none at all.
    get harmless() {
      return !members.some(commits) || isReadOnly(begin, members)
    },
    attempts,
    run: async (lease) => {
      if (lease.pipelines) await gather(members, carry)
      const send = (rider?: Rider): Promise<readonly GroupOutcome[]> => runGroup(lease, configs(), rider)
      const takes = members.some(({ request, need }) => takesRider(request, need))
      return guard === undefined ? send() : guard.run(lease, 'trust', send, takes)
    },
    arrived: (ended, arrival) => ({ outcomes: ended, server: arrival.server }),
  })
  const [begun, ...ends] = outcomes
  if (begun?.kind !== 'result') throw begun?.kind === 'error' ? begun.error : abortedError()
  return { ends, server }
}

/** Takes along what was given in the same breath: it need not wait for an answer. */
async function gather<T extends Statement>(members: T[], carry: Opening<T>['carry']): Promise<void> {
  await new Promise(process.nextTick)
  while (!members.some(commits)) {
    const next = carry(joins)
    if (next === undefined) return
    members.push(next)
  }
}

/**
 * What to tell the callers. A COMMIT behind a statement that failed was skipped: it is answered as PostgreSQL answers it
 * then, and the transaction is rolled back.
 */
export async function finishGroup(
  members: readonly Statement[],
  ends: readonly GroupOutcome[],
  held: HeldConnection,
): Promise<readonly Final[]> {
  const last = members.at(-1)
  const skippedCommit = last !== undefined && commits(last) && ends.at(-1)?.kind === 'skipped'
  if (skippedCommit) await held.rollBack()
  return members.map((member, i) => {
    const end = ends[i]
    if (end?.kind === 'result') return { result: end.result }
    if (end?.kind === 'error') return { error: end.error }
    return commits(member) ? { result: emptyResult('ROLLBACK') } : { error: abortedError() }
  })
}

function isReadOnly({ need }: Statement, members: readonly Statement[]): boolean {
  const reads = members.every((member) => member.need.class === 'read' || commits(member))
  return need.transaction?.standbyCanBegin === true && reads
}

function commits({ need }: Statement): boolean {
  return need.transaction?.kind === 'commit'
}

function joins({ request, need }: Statement): boolean {
  return mayJoin(request, need) && need.transaction?.kind !== 'rollback'
}
