import type { Edge } from 'pg-nearest-world'
import { exampleUsers } from '../web/pages/users-form.tsx'
import type { RegionApp } from './apps.ts'

/** What requests that write have cost somebody in one region, in milliseconds, and in trips to the primary, one after the other. */
export interface RegionWrites {
  readonly region: string
  /** A request with one statement, which is sent to the primary directly. */
  readonly one: Sent
  /** One that saves five users in one transaction, the first time: nobody knows yet what it costs. */
  readonly several: Sent
  /** The same, once that is known. */
  readonly again: Sent
}

export interface Sent {
  readonly ms: number
  readonly way: 'direct' | 'replayed'
  /** How often the handler waited for the primary. */
  readonly trips: number
}

/** Writes from every region but the first one, the primary's, and takes away again what it has written. */
export async function writeFromEveryRegion(
  edge: Edge,
  [home, ...far]: readonly RegionApp[],
): Promise<readonly RegionWrites[]> {
  if (home === undefined) return []
  const { rows } = await home.pool.query<{ last: string }>('select max(id) as last from users')
  const writes = await Promise.all(far.map(({ region }) => writeFrom(edge.url(region), region)))
  await home.pool.query('delete from users where id > $1', [rows[0]?.last])
  return writes
}

async function writeFrom(url: string, region: string): Promise<RegionWrites> {
  const one = (): Promise<Sent> => send(`${url}/users`, { name: 'Ada Lovelace', age: '36' })
  const several = (): Promise<Sent> => send(`${url}/users/several`, { users: exampleUsers })
  await one() // opens the connections
  const first = { region, one: await one(), several: await several() }
  await several() // opens the connection between the regions
  return { ...first, again: await several() }
}

async function send(url: string, fields: Record<string, string>): Promise<Sent> {
  const begun = performance.now()
  const { status, headers } = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { Origin: new URL(url).origin },
    redirect: 'manual',
  })
  const ms = performance.now() - begun
  if (status !== 303) throw new Error(`The app did not save what was sent to ${url}: ${status}.`)
  const trips = / (\d+) to the primary/.exec(headers.get('server-timing') ?? '')?.[1]
  return { ms, way: headers.get('edge-replays') === '0' ? 'direct' : 'replayed', trips: Number(trips) }
}
