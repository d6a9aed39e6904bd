import type { OwnSession } from '../execute/engine-interface.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { runWithinAsync, type RunLimits } from '../send/run-with-cancellation.ts'
import { walk } from '../walk/walk.ts'
import type { Attempt } from '../route/plan-servers.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { borrowedClientExecution } from './connection-keeping-execution.ts'

interface TakeOptions {
  /** The session of what is to run there. */
  readonly own?: OwnSession
  /** Has no effect that outlives its connection. */
  begin?(lease: Lease, onEnd: (end: StatementEnd) => void): void
  /** Whether to wait for somebody who takes writes, if none of the servers can be reached. Default true. */
  readonly mayWait?: boolean
}

/**
 * Holds a connection to the first of these servers that can be reached; with `begin`, to the first on which that succeeds.
 *
 * @param limits - of whatever is sent at that moment: getting a connection takes some of the time.
 * @throws what `walk` throws.
 */
export function takeConnection(
  client: ClientContext,
  text: string,
  attempts: readonly Attempt[],
  limits: () => RunLimits,
  { own, begin, mayWait = true }: TakeOptions = {},
): Promise<void> {
  return walk(
    borrowedClientExecution<undefined, void>(client, {
      facts: { reads: false, readOnly: false, harmless: true, mayCommitInside: false },
      text,
      signal: limits().signal,
      attempts,
      check: createFreshnessCheck(client.engine, own, undefined, false),
      mayWait,
      learns: false,
      run: async (lease) => {
        if (begin === undefined) return { kind: 'result', result: undefined }
        const end = await runWithinAsync<StatementEnd>(lease, limits(), (onEnd) => begin(lease, onEnd), undefined)
        if (end.kind === 'result') return { kind: 'result', result: undefined }
        return end.kind === 'skipped' ? { kind: 'unsent', error: new Error('The statement was skipped') } : end
      },
      succeeded: () => undefined,
    }),
  )
}
