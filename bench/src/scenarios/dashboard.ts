import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { createPool } from 'pg-nearest'
import { dashboard } from 'pg-nearest/dashboard'
import { startWorld } from 'pg-nearest-world'
import { inRounds, medianSample, msOfTurn, run, sampleRatio, type Ratio, type Sample } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { createUsers, userReader } from '../users.ts'

/** The same pool under the same readers: with a dashboard at which nobody looks, and while somebody does. */
export interface DashboardCost {
  readonly callers: number
  readonly rounds: number
  readonly unwatched: Sample
  readonly watched: Sample
  /** Of the one who is watched to the other. */
  readonly throughput: Ratio
  readonly cpuUs: Ratio
}

const CALLERS = 50
const ROUNDS = 61
const WARM_UP_MS = 2_000

/** Takes about as long as asked for, in seconds, and a little more to warm up. */
export async function dashboardCost(seconds: number): Promise<DashboardCost> {
  using progress = progressLine()
  progress.show('starting a primary in nrt and a replica in ord')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  // As fast as it gets, so that what a dashboard costs weighs the most.
  await using pool = createPool(world.poolOptions('ord'))
  const replica = new pg.Pool({ connectionString: world.url('ord') })
  await createUsers(pool, replica)
  await replica.end()
  const { handle, close } = await dashboard(pool)
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const events = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`
  const read = userReader()
  const work = (): Promise<unknown> => read(pool)
  const load = { callers: CALLERS, ms: msOfTurn(seconds, 2, ROUNDS) }
  try {
    await run(work, { callers: CALLERS, ms: WARM_UP_MS })
    const [unwatched = [], watched = []] = await inRounds(
      [
        () => run(work, load),
        async () => {
          const away = await look(events)
          const sample = await run(work, load)
          await away()
          return sample
        },
      ],
      ROUNDS,
      (done, of) => progress.show(`reads on the replica, watched and not: ${done} of ${of}`),
    )
    return {
      callers: CALLERS,
      rounds: ROUNDS,
      unwatched: medianSample(unwatched),
      watched: medianSample(watched),
      throughput: sampleRatio(watched, unwatched, 'throughput'),
      cpuUs: sampleRatio(watched, unwatched, 'cpuUs'),
    }
  } finally {
    close()
    server.close()
    server.closeAllConnections()
  }
}

/** As the page does. Resolves when it is told what there is, with what ends it. */
async function look(url: string): Promise<() => Promise<void>> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage]
  await once(response, 'data')
  response.resume()
  response.on('error', () => undefined)
  return async () => {
    const closed = once(response, 'close')
    response.destroy()
    await closed
  }
}
