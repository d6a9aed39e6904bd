import type { ClientContext } from '../client-state/client-context.ts'
import type { Boarding } from '../client-state/held-connection.ts'
import type { MultiplexedRead, Trip } from '../lane-rides/multiplexed-read.ts'
import { backendPreference } from '../freshness/backend-preference.ts'

/** How a read of a client that is free shares a connection, and the client holds none. `undefined`: it needs one of its own now. */
export function laneBoarding(client: ClientContext, rider: MultiplexedRead, trip: Trip): Boarding | undefined {
  if (!client.mayShare || !rider.isWilling) return undefined
  if (backendPreference(client.engine, trip.attempt, trip.check) !== undefined) return undefined
  return {
    join: (crowded) => rider.join(crowded, trip),
    // It may have been released, with an error, while it waited.
    joinNext: () => client.mayShare && rider.joinNext(trip),
    open: (lease) => client.mayShare && rider.open(lease, trip),
  }
}
