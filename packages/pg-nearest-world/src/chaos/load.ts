import { setTimeout as sleep } from 'node:timers/promises'
import type { Consistency, NearestPool } from 'pg-nearest'
import { processSession } from './process-session.ts'
import { seededRandom, seedOf, type Random } from './random.ts'
import { readOf } from './registers.ts'
import type { Kind } from './deed.ts'
import type { Diary } from './diary.ts'
import { Walker } from './walker.ts'

export interface App {
  readonly region: string
  readonly pool: NearestPool
}

type Rates = Readonly<Record<'read' | 'write' | 'transaction' | 'read-only transaction', number>>

/** The rest of an app's 30 are those of the sessions. */
const RATES: Rates = { read: 12, write: 7, transaction: 3, 'read-only transaction': 3 }
const WALKERS_OF_EACH_APP = 4
const WALKERS_REST_MS = 800
/** So many of one kind wait in one app; more are held back, as a real app would refuse them. */
const MOST_WAITING = 64

export const REGISTERS = 10
const INSERT = 'insert into deeds (id) values ($1)'

export interface LoadOptions {
  /** How many a second of each app. Default: 25 in all. */
  readonly rates?: Rates | undefined
  /** People with a session, for each app; each asks every 0.8 s. Default 4. */
  readonly walkers?: number | undefined
  /** What the reads of sessions and apps must show, asked before each. Default: as their session. */
  readonly consistency?: (() => Consistency | undefined) | undefined
  /** Before the names of sessions, where there are several loads in one diary. Default `s`. */
  readonly prefix?: string | undefined
  /** Where its people may go. Default: the apps. */
  readonly wander?: readonly App[] | undefined
  /** Asked at each turn whether what has its turn begins. Default: always. */
  readonly turns?: Turns | undefined
}

/** Makes one that is asked at each turn of something whether it happens this time. */
export type Turns = () => () => boolean

export interface Load {
  /** Operations that were not begun, because so many waited already. */
  readonly heldBack: number
  /** Begins no more; resolves when what was begun has ended. */
  stop(): Promise<void>
}

/**
 * A steady load, begun by the clock and not by the end of what came before: when nobody answers, the next ones come all
 * the same, and the first of them that is answered tells when the servers were back.
 */
export function startLoad(apps: readonly App[], seed: number, diary: Diary, options: LoadOptions = {}): Load {
  const { rates = RATES, walkers: walkersOfEachApp = WALKERS_OF_EACH_APP, prefix = 's', wander = apps } = options
  const { turns = () => () => true } = options
  const consistency = options.consistency ?? (() => undefined)
  let busy = true
  let heldBack = 0
  const timers = apps.flatMap((app, index) => {
    const random = seededRandom(seedOf(seed, index))
    return Object.entries(rates).map(([name, rate]) => {
      const begins = turns()
      let waiting = 0
      return setInterval(() => {
        if (!begins()) return
        if (waiting >= MOST_WAITING) return void heldBack++
        waiting++
        void act(name as keyof Rates, app, random, diary, consistency()).finally(() => waiting--)
      }, 1_000 / rate)
    })
  })
  const walkers = Array.from({ length: apps.length * walkersOfEachApp }, (_, index) =>
    new Walker(
      `${prefix}${index}`,
      wander,
      REGISTERS,
      seededRandom(seedOf(seed, 100 + index)),
      diary,
      consistency,
    ).live(() => busy, WALKERS_REST_MS, turns()),
  )
  return {
    get heldBack() {
      return heldBack
    },
    async stop() {
      busy = false
      for (const timer of timers) clearInterval(timer)
      await Promise.all(walkers)
      while (diary.open > 0) await sleep(20)
    },
  }
}

function act(
  kind: keyof Rates,
  { region: app, pool }: App,
  random: Random,
  diary: Diary,
  consistency: Consistency | undefined,
): Promise<unknown> {
  const session = processSession(app)
  const register = 1 + random.integer(REGISTERS)
  const doing = (
    ids: readonly number[] = [],
  ): { app: string; kind: Kind; session: string; ids: readonly number[] } => ({
    app,
    kind,
    session,
    ids,
  })
  switch (kind) {
    case 'read':
      return diary.note(doing(), async (signal, invokedAt) => {
        const answer = await pool.query<{ id: number; version: number }>({ ...readOf([register]), consistency, signal })
        diary.recorder.answered({ session, from: app }, 'read', invokedAt, [register], answer)
        return answer.servedBy.server
      })
    case 'write': {
      const id = diary.newId()
      return diary.note(doing([id]), async (signal) => {
        const { servedBy } = await pool.query({ text: INSERT, values: [id], signal })
        return servedBy.server
      })
    }
    case 'transaction': {
      const ids = random.chance(0.5) ? [diary.newId(), diary.newId()] : [diary.newId()]
      return diary.note(doing(ids), (signal) =>
        pool.transaction({ signal }, async (transaction) => {
          if (ids.length === 1) await transaction.query({ ...readOf([register]), signal })
          let server = '?'
          for (const id of ids) {
            const { servedBy } = await transaction.query({ text: INSERT, values: [id], signal })
            server = servedBy.server
          }
          return server
        }),
      )
    }
    case 'read-only transaction':
      return diary.note(doing(), (signal) =>
        pool.transaction({ readOnly: true, signal }, async (transaction) => {
          await transaction.query({ ...readOf([register]), signal })
          const { servedBy } = await transaction.query({ text: 'select count(*) from registers', signal })
          return servedBy.server
        }),
      )
  }
}
