import type { ServerStatus } from '../servers/status.ts'
import { databaseApp } from '../fly/replica-host.ts'
import type { ListSource } from '../fly/list-source.ts'

export type { EnvironmentSource, ListSource } from '../fly/list-source.ts'

/** Where a server is, and who uses it. Without secrets. */
export interface ServerLocation {
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly database: string | undefined
  readonly region: string | undefined
  readonly declared: 'primary' | 'replica'
  /** Where its list was read; `undefined`: not in the command line. */
  readonly source?: ListSource | undefined
}

/** Where roles, rights and databases can be changed: a standby refuses that. Made by {@link primaryLocationOf} alone. */
export interface PrimaryLocation extends ServerLocation {
  readonly takesChanges: true
}

/** The server that takes the writes; while none answers as such, the one that should, or a gap to fill in. */
export function primaryLocationOf(
  servers: readonly ServerStatus[],
  places: ReadonlyMap<string, ServerLocation>,
): PrimaryLocation {
  const writer = writerOf(servers) ?? servers.find(({ declared, role }) => declared === 'primary' && role !== 'replica')
  const place = writer === undefined ? { ...GAP, database: [...places.values()][0]?.database } : placeOf(writer, places)
  return { ...place, takesChanges: true }
}

/** Of a server that has left the list only the name is known. */
export function placeOf(
  { name, region, declared }: ServerStatus,
  places: ReadonlyMap<string, ServerLocation>,
): ServerLocation {
  return places.get(name) ?? { host: name, port: 5432, user: undefined, database: undefined, region, declared }
}

/** The server that says it is the primary, and that writes go to, if any do. */
export function writerOf(servers: readonly ServerStatus[]): ServerStatus | undefined {
  const primaries = servers.filter(({ role, health }) => role === 'primary' && health === 'up')
  return primaries.find(({ writeTo }) => writeTo) ?? primaries[0]
}

/**
 * Whether its role is the one that the list gives it, as far as it is known. Of several hosts that one URL names for the primary any may
 * be it.
 */
export function isInPlace({ role, declared, candidate }: ServerStatus, servers: readonly ServerStatus[]): boolean {
  if (role === 'unknown' || role === declared) return true
  return role === 'primary' ? candidate === true : writerOf(servers)?.candidate === true
}

const GAP = { host: '<the primary>', port: 5432, user: undefined, region: undefined, declared: 'primary' } as const

/** The app on Fly that the server's machines belong to, if that is its own (unmanaged) cluster. */
export function flyAppOf({ host }: ServerLocation): string | undefined {
  return databaseApp(host)
}

/** Whether its traffic stays in this machine. */
export function isLocal({ host }: ServerLocation): boolean {
  const name = plainName(host)
  return name.startsWith('/') || /^127\.|^::1$|^(?:.+\.)?localhost$/.test(name)
}

/** Whether its traffic stays in one machine or in a private network. */
export function isPrivate(place: ServerLocation): boolean {
  if (isLocal(place)) return true
  const name = plainName(place.host)
  if (/\.(?:internal|flycast|local)$/.test(name)) return true
  if (/^10\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\./.test(name)) return true
  return /^(?:f[cd]|fe[89ab])/.test(name) && name.includes(':')
}

/** Fly's managed PostgreSQL. */
export function isManaged({ host }: ServerLocation): boolean {
  return /\.flympg\.net\.?$/i.test(host)
}

function plainName(host: string): string {
  return host.toLowerCase().replace(/\.+$/, '')
}
