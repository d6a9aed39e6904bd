import { startWorld, type World } from 'pg-nearest-world'
import { createAccounts } from '../accounts.ts'
import type { Contender } from '../contenders/contender.ts'
import { drizzle } from '../contenders/drizzle.ts'
import { kysely } from '../contenders/kysely.ts'
import { nearest } from '../contenders/nearest.ts'
import { prisma } from '../contenders/prisma.ts'
import { rawPg } from '../contenders/raw-pg.ts'
import { measureLink } from '../link.ts'
import { median, sideBySide } from '../measure.ts'
import { progressLine, type Progress } from '../progress.ts'
import { setReplayLag } from '../replay-lag.ts'

/** What an app far from its primary waits for, in milliseconds, and what it sees of its own writes. */
export interface Sessions {
  /** Between the app and the primary: the median of what was measured. */
  readonly rttMs: number
  /** How long after the primary the replica showed each commit, for the figures that say so. */
  readonly lagMs: number
  readonly contenders: readonly ContenderTimes[]
}

/** Medians. */
export interface ContenderTimes {
  readonly name: string
  readonly oneMs: number
  readonly threeMs: number
  readonly writeThenReadMs: number
  /** `null` where nothing needs to be sent to the primary by hand. */
  readonly writeThenReadPrimaryMs: number | null
  /** While the replica lags. */
  readonly lagging: { readonly stale: number; readonly reads: number; readonly writeThenReadMs: number }
}

const RTT_MS = 100
const LAG_MS = 250
const ROUNDS = 7
const ONCE = { callers: 1, ms: 0 }
const READS = 200
/** So many reads after writes at once, each with a row of its own; and each pool may hold that many connections. */
const BATCH = 20

export async function sessions(): Promise<Sessions> {
  using progress = progressLine()
  progress.show('starting a primary in nrt and a replica in ord')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: RTT_MS })
  const servers = { primary: world.url('nrt', { from: 'ord' }), replicas: [world.url('ord')], max: BATCH }
  const rttMs = await measureLink(servers.primary)
  const contenders: Contender[] = []
  try {
    contenders.push(nearest({ ...world.poolOptions('ord'), max: BATCH }))
    for (const make of [rawPg, drizzle, kysely, prisma]) contenders.push(make(servers))
    await createAccounts(servers, contenders.length * BATCH)
    const accounts = contenders.map((contender, i) => new Accounts(contender, 1 + i * BATCH))
    const times = await timeAll(accounts, progress)
    const lagging = await lagAll(accounts, world, progress)
    return {
      rttMs,
      lagMs: LAG_MS,
      contenders: contenders.map(({ name }, i) => ({ name, ...at(times, i), lagging: at(lagging, i) })),
    }
  } finally {
    await Promise.all(contenders.map((contender) => contender.end()))
  }
}

/** A contender and the rows that only it writes. */
class Accounts {
  readonly contender: Contender
  readonly #first: number
  #balance = 0

  constructor(contender: Contender, first: number) {
    this.contender = contender
    this.#first = first
  }

  one(): Promise<unknown> {
    return this.#named('a transaction of one statement', this.contender.one(this.#first))
  }

  three(): Promise<unknown> {
    return this.#named('a transaction of three statements', this.contender.three(this.#first, this.#first + 1))
  }

  /** Whether the read was stale. */
  async writeThenRead(row = 0): Promise<boolean> {
    const balance = ++this.#balance
    return (
      (await this.#named('a read after a write', this.contender.writeThenRead(this.#first + row, balance))) !== balance
    )
  }

  async writeThenReadPrimary(): Promise<void> {
    const balance = ++this.#balance
    const reading = this.contender.writeThenReadPrimary?.(this.#first, balance)
    const seen = await this.#named('a read from the primary', Promise.resolve(reading))
    if (reading !== undefined && seen !== balance) throw new Error(`${this.contender.name}: the primary was stale.`)
  }

  async #named<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      throw new Error(`${this.contender.name} could not do ${what}: ${said}`, { cause: error })
    }
  }
}

type Times = Omit<ContenderTimes, 'name' | 'lagging'>

async function timeAll(all: readonly Accounts[], progress: Progress): Promise<Times[]> {
  const works = all.flatMap((accounts) => [
    () => accounts.one(),
    () => accounts.three(),
    () => accounts.writeThenRead(),
    () => accounts.writeThenReadPrimary(),
  ])
  const show = (done: number, of: number): void =>
    progress.show(`transactions, and reads after writes: ${done} of ${of}`)
  show(0, ROUNDS + 1)
  const samples = await sideBySide(works, ONCE, ROUNDS, show)
  return all.map(({ contender }, i) => {
    const [one, three, read, readPrimary] = samples.slice(i * 4).map(({ p50 }) => p50)
    return {
      oneMs: one ?? Number.NaN,
      threeMs: three ?? Number.NaN,
      writeThenReadMs: read ?? Number.NaN,
      writeThenReadPrimaryMs: contender.writeThenReadPrimary === undefined ? null : (readPrimary ?? Number.NaN),
    }
  })
}

async function lagAll(
  all: readonly Accounts[],
  world: World,
  progress: Progress,
): Promise<ContenderTimes['lagging'][]> {
  // A superuser may change a server's settings.
  await setReplayLag(world.url('ord', { as: 'superuser' }), LAG_MS)
  const results: ContenderTimes['lagging'][] = []
  for (const accounts of all) {
    const { name } = accounts.contender
    const show = (done: number): void =>
      progress.show(`reads after writes, ${LAG_MS} ms behind, ${name}: ${done} of ${READS}`)
    show(0)
    // Opens the connections.
    await batch(accounts)
    const reads: { stale: boolean; ms: number }[] = []
    while (reads.length < READS) {
      reads.push(...(await batch(accounts)))
      show(reads.length)
    }
    results.push({
      stale: reads.filter(({ stale }) => stale).length,
      reads: reads.length,
      writeThenReadMs: median(reads.map(({ ms }) => ms)),
    })
  }
  return results
}

function batch(accounts: Accounts): Promise<{ stale: boolean; ms: number }[]> {
  return Promise.all(
    Array.from({ length: BATCH }, async (_, row) => {
      const begin = performance.now()
      const stale = await accounts.writeThenRead(row)
      return { stale, ms: performance.now() - begin }
    }),
  )
}

function at<T>(list: readonly T[], i: number): T {
  const item = list[i]
  if (item === undefined) throw new RangeError('nothing was measured')
  return item
}
