import { writerIn } from '../server-selection/server-selection.ts'
import type { Observation } from './topology-updates.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'

type Receipt = Pick<ServerState, 'walEnd' | 'receiving' | 'lacksSince' | 'stalledMs'>

/**
 * What an answer shows of whether a replica still receives what the primary writes. One that is paused or slow does: its WAL grows. One whose
 * primary is idle does: it lacks nothing. Without a primary that answers, nothing is to be received.
 *
 * @param before - what was known of the machine before the answer.
 */
export function walReceptionOf(
  topology: Topology,
  before: Pick<ServerState, 'walEnd' | 'lacksSince'>,
  seen: Observation,
): Receipt {
  const { role, walEnd, receiving, sentAt } = seen
  if (role === 'primary') return { walEnd, receiving: undefined, lacksSince: undefined, stalledMs: 0 }
  const written = writtenIn(topology)
  if (walEnd === undefined || written === undefined) {
    return { walEnd, receiving, lacksSince: undefined, stalledMs: undefined }
  }
  if (walEnd >= written) return { walEnd, receiving, lacksSince: undefined, stalledMs: 0 }
  const lacksSince = (walEnd === before.walEnd ? before.lacksSince : undefined) ?? sentAt
  return { walEnd, receiving, lacksSince, stalledMs: sentAt - lacksSince }
}

/** What another pool has seen of whether a machine receives anything. */
export type Lack = Pick<ServerState, 'walEnd' | 'lacksSince'>

/**
 * The earlier of two moments since which a replica lacks something: what another pool has seen of it counts only once it was found lacking
 * here, too, and with the same end of its WAL, so that it has received nothing in between.
 */
export function earlierLack(
  { walEnd, lacksSince: since }: ServerState,
  { walEnd: end, lacksSince }: Lack,
): number | undefined {
  if (since === undefined || lacksSince === undefined || walEnd !== end) return since
  return Math.min(since, lacksSince)
}

/** What the server that takes the writes has written to its disk, so that it sends it to its replicas. */
function writtenIn(topology: Topology): bigint | undefined {
  const writer = writerIn(topology)
  return writer?.health === 'up' ? writer.walEnd : undefined
}
