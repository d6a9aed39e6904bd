import { afterAll, afterEach } from 'vitest'
import { NearestPool } from '../../src/pool/nearest-pool.ts'
import { RoutedPool } from '../../src/routed-pool/routed-pool.ts'
import { failOnPending, PendingCalls, type PendingCall } from './pending-calls.ts'
import { watchPools } from './watch-pools.ts'

/** Only waited for when something is pending. */
const GRACE_MS = 3_000

const calls = new PendingCalls(GRACE_MS)
watchPools(RoutedPool.prototype, ['query', 'connect', 'transaction'], calls)
watchPools(NearestPool.prototype, ['refresh', 'replicated', 'end'], calls)

/** What a test leaves running is its own affair while its pool is open, or is being ended. */
function isOver({ pool }: PendingCall): boolean {
  return pool instanceof NearestPool && pool.ended && !calls.has('end', pool)
}

// The hooks of a set-up file run after those of the test file, which close its pools.
afterEach(async () => {
  failOnPending(await calls.overdue(isOver), `${GRACE_MS / 1_000} s after the test, though its pool was closed`)
})

afterAll(async () => {
  failOnPending(await calls.overdue(() => true), `${GRACE_MS / 1_000} s after all tests of the file`)
})
