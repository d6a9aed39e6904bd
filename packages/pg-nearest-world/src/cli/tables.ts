import Table from 'cli-table3'
import pc from 'picocolors'
import type { RegionStatus, UrlOptions, World } from '../world-types.ts'
import { regions as geography } from '../geo/regions.ts'
import { bytesOfLsn } from '../cluster/lsn.ts'
import { formatBytes } from './byte-rate.ts'
import { formatDuration } from './duration.ts'

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  // The library would print its own colours even into files.
  const style = { head: [], border: [], compact: true }
  const lines = new Table({ head: head.map((title) => pc.bold(title)), style })
  lines.push(...rows.map((row) => [...row]))
  return lines.toString()
}

/** Each region's server: its URL as an app in `from` reaches it, or as one beside it does, and its round-trip time. */
export function urlTable(
  world: Pick<World, 'regions' | 'primary' | 'url' | 'rtt'>,
  from?: string,
  as: UrlOptions['as'] = 'app',
): string {
  const origin = from ?? world.primary
  return table(
    [
      'region',
      'city',
      'role',
      from === undefined ? 'URL, from inside the region' : `URL, from ${from}`,
      `from ${origin}`,
    ],
    world.regions.map((region) => [
      region,
      cityOf(region),
      region === world.primary ? 'primary' : 'replica',
      world.url(region, { from, as }),
      formatDuration(world.rtt(origin, region)),
    ]),
  )
}

/** `Chicago`, without the country, to keep the table narrow. */
const cityOf = (region: string): string => geography.get(region)?.city.split(',', 1)[0] ?? ''

/** What `status` shows of a region in addition to the world's own status. */
export interface ShownStatus extends RegionStatus {
  /** Milliseconds that `lag` holds replay back; 0 is none, `undefined` if the server did not say. */
  readonly heldBackMs: number | undefined
}

export function statusTable(statuses: readonly ShownStatus[]): string {
  const primary = statuses.find((status) => status.role === 'primary')?.lsn
  return table(
    ['region', 'role', 'pid', 'position', 'behind', 'replay'],
    statuses.map((status) => [
      status.region,
      status.role,
      status.pid === undefined ? '' : String(status.pid),
      status.lsn ?? '',
      status.role === 'replica' ? behind(primary, status.lsn) : '',
      status.role === 'replica' ? replay(status) : '',
    ]),
  )
}

function replay({ replayPaused, heldBackMs }: ShownStatus): string {
  if (replayPaused === true) return 'paused'
  if (heldBackMs === undefined) return ''
  return heldBackMs === 0 ? 'running' : `${formatDuration(heldBackMs)} late`
}

function behind(primary: string | undefined, replica: string | undefined): string {
  if (primary === undefined || replica === undefined) return ''
  const bytes = bytesOfLsn(primary) - bytesOfLsn(replica)
  return bytes <= 0n ? '0 B' : formatBytes(Number(bytes))
}
