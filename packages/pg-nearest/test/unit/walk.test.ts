import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { AttemptEnd, Execution } from '../../src/walk/execution-types.ts'
import { walk } from '../../src/walk/walk.ts'
import { createRetryBudget } from '../../src/limits/retry-budget.ts'
import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'
import type { Attempt } from '../../src/route/plan-servers.ts'

const reason = new Error('enough')
const on = (...servers: string[]): Attempt[] => servers.map((server) => ({ server, reason: 'nearest' }))

/** Runs until it is cancelled, as a statement on a connection does. */
function untilAborted(signal: AbortSignal | undefined): Promise<AttemptEnd<string>> {
  return new Promise((resolve) => {
    const cut = (): void => resolve({ kind: 'cut', error: signal?.reason })
    if (signal?.aborted === true) cut()
    else signal?.addEventListener('abort', cut)
  })
}

type Attempting = (
  ...args: readonly [...Parameters<Execution<string, string>['attempt']>]
) => Promise<AttemptEnd<string>>

/** An execution whose attempts are promises. */
type Change = Partial<Omit<Execution<string, string>, 'attempt'>> & { readonly attempt?: Attempting }

function execution({
  attempt = (_, __, signal) => untilAborted(signal),
  ...change
}: Change): Execution<string, string> {
  return {
    engine: { report: () => undefined, budget: createRetryBudget(), lists: 0 },
    facts: { reads: true, readOnly: false, harmless: false, mayCommitInside: false },
    text: 'select 1',
    signal: undefined,
    attempts: on('ord', 'nrt'),
    lists: 0,
    mayAwaitPrimary: () => true,
    replan: () => on('nrt'),
    primaries: () => on('nrt'),
    attempt: (...args) => void attempt(...args).then((end) => args[1].end(end)),
    waitToCatchUp: () => Promise.resolve(true),
    learn: () => undefined,
    succeeded: (result) => result,
    waitForWriter: async (_, __, signal) => {
      await untilAborted(signal)
      return false
    },
    candidates: () => [],
    listState: () => 'known',
    ...change,
  }
}

/** `nothing`: it has not settled in time. */
function rejection(walked: Promise<string>): Promise<unknown> {
  const told = walked.then(
    (result): unknown => result,
    (error: unknown) => error,
  )
  return Promise.race([told, sleep(1_000, 'nothing')])
}

const behind: AttemptEnd<string> = {
  kind: 'failed',
  evidence: { kind: 'behind', error: new ReplicaBehindError('ord') },
  standby: true,
  forced: false,
  generation: 1,
}
const unreachable: AttemptEnd<string> = {
  kind: 'failed',
  evidence: { kind: 'no-connection', why: 'unreachable', error: new Error('ECONNREFUSED') },
  standby: false,
  forced: false,
  generation: undefined,
}
const hedge = (afterMs: number) => () => ({ afterMs, take: () => true, attempts: () => on('nrt') })

test.each<[string, Change]>([
  ['runs', {}],
  ['runs, and may be asked of a second server', { hedge: hedge(1_000) }],
  ['was asked of a second server', { hedge: hedge(1) }],
  ['waits for a primary', { attempt: () => Promise.resolve(unreachable) }],
  [
    'waits for its server to catch up',
    { attempt: () => Promise.resolve(behind), waitToCatchUp: () => new Promise(() => undefined) },
  ],
])('a statement that %s is rejected with the signal’s reason', async (_, change) => {
  const controller = new AbortController()
  const { signal } = controller
  const told = rejection(walk(execution({ signal, ...change })))
  await sleep(50)
  controller.abort(reason)
  expect(await told).toBe(reason)
  expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1)
})

test.each<[string, Change]>([
  ['one', {}],
  ['one that may be asked of a second server', { hedge: hedge(1_000) }],
])('%s whose signal was aborted before runs nowhere', async (_, change) => {
  const asked: string[] = []
  const signal = AbortSignal.abort(reason)
  const attempt: Attempting = ({ server }, __, given) => {
    asked.push(server)
    return untilAborted(given)
  }
  expect(await rejection(walk(execution({ signal, attempt, ...change })))).toBe(reason)
  expect(asked).toEqual([])
})

test('a fault of ours does not leave the caller waiting', async () => {
  const attempt = (): never => {
    throw reason
  }
  expect(await rejection(walk(execution({ attempt })))).toBe(reason)
  const candidates = (): never => {
    throw reason
  }
  expect(
    await rejection(
      walk(execution({ attempt: () => Promise.resolve(unreachable), mayAwaitPrimary: () => false, candidates })),
    ),
  ).toBe(reason)
})

test('a second server’s answer counts, and the first one is told to stop', async () => {
  const stopped: string[] = []
  const attempt: Attempting = async ({ server }, _, signal) => {
    if (server === 'nrt') return { kind: 'result', result: 'fast', standby: false }
    const end = await untilAborted(signal)
    stopped.push(server)
    return end
  }
  expect(await rejection(walk(execution({ attempt, hedge: hedge(5) })))).toBe('fast')
  await sleep(5)
  expect(stopped).toEqual(['ord'])
})
