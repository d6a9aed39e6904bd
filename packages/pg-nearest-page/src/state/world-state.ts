/** A region, and where it is; without coordinates if nobody knows. */
export interface PlaceFacts {
  readonly region: string
  readonly city: string
  /** Degrees north and east. */
  readonly latitude: number | undefined
  readonly longitude: number | undefined
}

/** A region's server, as an administrator sees it. */
export interface ServerFacts {
  readonly region: string
  readonly role: 'primary' | 'replica' | 'down'
  /** Position in the WAL: inserted on the primary, replayed on a replica; as PostgreSQL prints it. */
  readonly lsn: string | undefined
  /** WAL that it has not replayed yet; 0 on the primary, `undefined` while that is not known. */
  readonly lagBytes: number | undefined
  /** Age of what it has not replayed yet. */
  readonly lagMs: number | undefined
  readonly paused: boolean
  /** Replay is held back by this much, as somebody wanted. */
  readonly heldBackMs: number
  /** Connections of the apps. */
  readonly connections: number | undefined
}

export interface LinkFacts {
  readonly a: string
  readonly b: string
  readonly rttMs: number
  /** As far apart as the two are in the world. */
  readonly usualRttMs: number
  readonly partitioned: boolean
}

/** A statement of an app, and how it was routed. */
export interface StatementFacts {
  readonly id: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The app's region. */
  readonly region: string
  readonly text: string
  readonly ms: number
  /** `undefined` if it failed. */
  readonly server: string | undefined
  readonly reason: string | undefined
  /** The servers that were tried before, and why each did not do. */
  readonly failed: readonly FailedTry[]
  /** Whether it had to show what its session has written and seen. */
  readonly sessions: boolean
  /** Milliseconds of one round trip from the app to that server. */
  readonly rttMs: number | undefined
  readonly error: string | undefined
  /** The servers as that app's pool knew them when the statement had run, nearest first. */
  readonly choices: readonly Choice[]
}

export interface FailedTry {
  readonly server: string
  readonly why: string
}

export interface Choice {
  readonly server: string
  readonly role: string
  readonly health: string
  readonly rttMs: number | undefined
  readonly lsn: string | undefined
  readonly readFrom: boolean
  readonly writeTo: boolean
}

/** What reads took in one region since the sample before, in milliseconds; `undefined` if there was none, or none that succeeded. */
export interface LatencySample {
  readonly region: string
  readonly nearest: number | undefined
  /** Through a plain `pg.Pool` to the server that was the primary when the page began. */
  readonly plain: number | undefined
  readonly write: number | undefined
}

/** Over all that was done since the page began, by the verdict of `npm run chaos`. */
export interface Counters {
  readonly reads: number
  readonly writes: number
  readonly readsFailed: number
  readonly writesLost: number
  readonly writesDoubled: number
  readonly sessionsBack: number
  /** Acknowledged by a primary that was replaced before any other server had them: nobody could keep them. */
  readonly leftBehind: number
}

/** What has happened, in words. */
export interface Told {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `break` and `mend`: somebody did that. `turn`: the pools took another way. */
  readonly tone: 'break' | 'mend' | 'turn' | 'wrong' | 'info'
  readonly text: string
}

/** Written in one region and read in another, at once: with the bookmark that travels, and without. */
export interface Crossing {
  readonly from: string
  readonly to: string
  readonly text: string
  readonly bookmark: string | undefined
  readonly writeMs: number
  readonly writtenBy: string
  readonly withSession: Reading
  readonly without: Reading
}

export interface Reading {
  readonly found: boolean
  readonly server: string
  readonly reason: string
  readonly ms: number
}

export interface WorldState {
  readonly primary: string
  readonly version: string
  readonly places: readonly PlaceFacts[]
  /** Regions that may join. */
  readonly candidates: readonly PlaceFacts[]
  readonly servers: readonly ServerFacts[]
  readonly links: readonly LinkFacts[]
  /** Where each region's app reads: a server's region. */
  readonly reading: Readonly<Record<string, string>>
  /** The latest last. */
  readonly statements: readonly StatementFacts[]
  readonly told: readonly Told[]
  /** By region, the latest last; each has as many as there are `times`. */
  readonly latency: Readonly<Record<string, readonly LatencySample[]>>
  readonly times: readonly number[]
  readonly counters: Counters
  readonly sessions: boolean
  /** What is being done to the world just now. */
  readonly busy: string | undefined
  readonly chaos: Chaos | undefined
  /** Whether somebody writes here and reads there just now. */
  readonly crosses: boolean
  readonly crossing: Crossing | undefined
  /** Where the accounts app can be looked at, if it runs beside this page. */
  readonly app: string | undefined
}

export interface Chaos {
  /** Milliseconds since the epoch. */
  readonly endsAt: number
  /** What is broken just now, such as `kill ord`. */
  readonly broken: string | undefined
}

export type WorldEvent =
  | { readonly type: 'snapshot'; readonly state: WorldState }
  | {
      readonly type: 'world'
      readonly primary: string
      readonly places: readonly PlaceFacts[]
      readonly candidates: readonly PlaceFacts[]
    }
  | { readonly type: 'servers'; readonly servers: readonly ServerFacts[] }
  | { readonly type: 'links'; readonly links: readonly LinkFacts[] }
  | {
      readonly type: 'reading'
      readonly region: string
      readonly from: string
      readonly reason: string
      readonly at: number
    }
  | { readonly type: 'statements'; readonly statements: readonly StatementFacts[] }
  | { readonly type: 'latency'; readonly at: number; readonly samples: readonly LatencySample[] }
  | { readonly type: 'counters'; readonly counters: Counters }
  | { readonly type: 'told'; readonly told: Told }
  | { readonly type: 'busy'; readonly what: string | undefined }
  | { readonly type: 'sessions'; readonly on: boolean }
  | { readonly type: 'chaos'; readonly chaos: Chaos | undefined }
  | { readonly type: 'crosses'; readonly on: boolean }
  | { readonly type: 'crossing'; readonly crossing: Crossing }
