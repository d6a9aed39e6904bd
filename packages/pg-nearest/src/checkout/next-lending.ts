import type { ConnectionState } from '../pooled-connection/connection-lifecycle.ts'
import { lastSuiting, maySuit, type Leading, type Preference } from './connection-preference.ts'

/** So many connections may go past a waiter to others behind him. The next one is his, wherever it leads. */
export const MOST_OVERTAKEN = 32

/** How long to wait for a connection of those that are in use before one that leads elsewhere makes room for a new one. */
export const BACKLOG_MS = 100

/** Somebody who waits for a connection. */
export interface WaitingCaller {
  /** Asked whenever there is a connection, because what is known of the machines changes meanwhile. */
  readonly preference: (() => Preference | undefined) | undefined
  /** By the clock of `now`. */
  readonly since: number
  /** How many connections have gone past him to others behind him. */
  readonly overtaken: number
}

/** All who wait, in their order. */
export interface Waiting<W> extends Iterable<W> {
  readonly size: number
}

export interface LendableConnection extends Leading {
  readonly state: ConnectionState
}

/** One server's connections at one moment. */
export interface ConnectionsNow<C extends LendableConnection> {
  readonly max: number
  /** Those that can be lent, the most recently used last. */
  readonly idle: readonly C[]
  /** Open or being opened or closed. */
  readonly all: ReadonlySet<C>
  readonly dialling: number
  /** How many more may be dialled now. */
  readonly dialRoom: number
  /** The server refuses new connections for now: none is dialled, and any is better than none. */
  readonly refuses: boolean
}

/**
 * - `lend`: gives the waiter the connection, past those who would not have it.
 * - `dial`: makes one more.
 * - `replace`: closes one that leads where nobody wants to be, so that another one can be made.
 */
export type Lending<W, C> =
  | { readonly kind: 'lend'; readonly waiter: W; readonly connection: C; readonly overtaken: readonly W[] }
  | { readonly kind: 'dial' }
  | { readonly kind: 'replace'; readonly connection: C }

/**
 * What to do next for those who wait, in their order; `undefined`: nothing before something else happens. A connection goes to the first
 * whom it suits, and to those who give way when nobody else would have it. One is closed for another machine's sake only if nobody would have
 * it, the pool is full, and nothing is being made or closed, so one at a time; and only if nothing in use may suit the first, or he has waited
 * for long. Pure.
 *
 * @param now - read only if that matters, because a look at the clock is measurable on short reads.
 */
export function nextLending<W extends WaitingCaller, C extends LendableConnection>(
  waiters: Waiting<W>,
  connections: ConnectionsNow<C>,
  now: () => number,
): Lending<W, C> | undefined {
  const { idle, all, max, dialling, dialRoom, refuses } = connections
  if (idle.length > 0) {
    const overtaken: W[] = []
    let patient: Lending<W, C> | undefined
    for (const waiter of waiters) {
      const preference = preferenceOf(waiter)
      const connection = lastSuiting(idle, refuses ? undefined : preference)
      if (connection !== undefined) {
        if (preference?.givesWay !== true) return { kind: 'lend', waiter, connection, overtaken }
        patient ??= { kind: 'lend', waiter, connection, overtaken: [...overtaken] }
      }
      overtaken.push(waiter)
    }
    if (patient !== undefined) return patient
  }
  if (refuses) return undefined
  if (all.size < max) return dialling < waiters.size && dialRoom > 0 ? { kind: 'dial' } : undefined
  const [oldest] = idle
  if (oldest === undefined || dialling > 0) return undefined
  const [first] = waiters
  return first !== undefined && shouldReplace(first, all, now) ? { kind: 'replace', connection: oldest } : undefined
}

/** The shortest way to {@link nextLending} when a connection comes back: the first who waits would have it. Pure. */
export function wouldHave(first: WaitingCaller, connection: Leading): boolean {
  const preference = preferenceOf(first)
  return preference?.givesWay !== true && (preference?.insists !== true || maySuit(connection, preference))
}

function preferenceOf({ preference, overtaken }: WaitingCaller): Preference | undefined {
  return overtaken < MOST_OVERTAKEN ? preference?.() : undefined
}

/** States that a connection leaves soon by itself. A borrowed client may keep his for long. */
const COMING: ReadonlySet<ConnectionState> = new Set(['busy', 'settling'])

function shouldReplace(first: WaitingCaller, all: ReadonlySet<LendableConnection>, now: () => number): boolean {
  const preference = preferenceOf(first)
  let suiting = false
  for (const each of all) {
    if (each.state === 'closing' || each.state === 'connecting') return false
    if (COMING.has(each.state) && maySuit(each, preference)) suiting = true
  }
  return !suiting || now() - first.since >= BACKLOG_MS
}
