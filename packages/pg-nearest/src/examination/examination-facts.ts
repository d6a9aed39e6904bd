import type { ServerStatus, Status } from '../servers/status.ts'
import type { PrimaryLocation, ServerLocation } from './server-endpoint.ts'

/** What a replica itself says of its replay. */
export interface Replay {
  readonly paused: boolean
  /** How long ago the last commit that it shows was made, by the two servers' clocks; `undefined` if it has replayed none. */
  readonly ageMs: number | undefined
}

/** What one server has told of itself. What it refused to tell is `undefined`. */
export interface ServerFacts {
  /** The connection is encrypted. */
  readonly encrypted: boolean
  /** By name, in the units of `pg_settings`; as they are for this role. */
  readonly settings: ReadonlyMap<string, string>
  /** Where each of them comes from, as in `pg_settings`: `user`, `database`, `configuration file`, … */
  readonly sources: ReadonlyMap<string, string>
  /** `undefined` on a primary, too. */
  readonly replay?: Replay | undefined
  /** Queries that replay has cancelled in this database. */
  readonly conflicts?: number | undefined
  readonly role?: Role | undefined
  readonly tables?: Tables | undefined
  /** Physical replication slots that hold WAL back, and that nothing reads. */
  readonly unusedSlots?: readonly string[] | undefined
}

export interface Role {
  readonly name: string
  readonly superuser: boolean
  /** How many connections it may have; negative: as many as it likes. */
  readonly connections: number
  /** The same for the database. */
  readonly databaseConnections: number
}

/** The tables that are there, and those that the role may not read. */
export interface Tables {
  readonly count: number
  readonly unreadable: number
  /** Where the unreadable ones are. */
  readonly schemas: readonly string[]
}

/** A machine of the database's app on Fly. */
export interface Machine {
  readonly id: string
  readonly region: string
  readonly started: boolean
}

/** The pool's options that servers and proxies must agree with. */
export interface PoolLimits {
  readonly max: number
  /** 0: never. */
  readonly idleTimeoutMs: number
  /** 0: never. */
  readonly maxLifetimeMs: number
}

/** All that was found out. */
export interface Examination {
  readonly status: Status
  /** By the server's name. */
  readonly places: ReadonlyMap<string, ServerLocation>
  /** By the server's name, of those that could be asked. */
  readonly facts: ReadonlyMap<string, ServerFacts>
  /** `undefined`: it is not on Fly, or its DNS did not answer. */
  readonly machines: readonly Machine[] | undefined
  readonly limits: PoolLimits
  /** The option `cluster`. */
  readonly cluster?: string | undefined
}

/** A server that was looked at, and what else is known that tells how it is mended. */
export interface ExaminedServer extends Pick<Examination, 'places' | 'machines'> {
  readonly server: ServerStatus
  readonly place: ServerLocation
  readonly servers: readonly ServerStatus[]
  readonly primary: PrimaryLocation
}
