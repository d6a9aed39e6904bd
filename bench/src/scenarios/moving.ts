import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { createAccounts } from '../accounts.ts'
import type { Mover } from '../contenders/contender.ts'
import { drizzle } from '../contenders/drizzle.ts'
import { nearest } from '../contenders/nearest.ts'
import { onePool } from '../contenders/one-pool.ts'
import { prisma } from '../contenders/prisma.ts'
import { railsRule } from '../contenders/rails-rule.ts'
import { rawPg } from '../contenders/raw-pg.ts'
import { sequelize } from '../contenders/sequelize.ts'
import { typeorm } from '../contenders/typeorm.ts'
import { measureLink } from '../link.ts'
import { median } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { setReplayLag } from '../replay-lag.ts'

/** What an app in one region has with what people come from, and with our pool. */
export interface Moving {
  /** To the primary, as measured. */
  readonly rttMs: number
  /** To the other replica. */
  readonly otherMs: number
  readonly lagMs: number
  readonly movers: readonly Moved[]
}

export interface Moved {
  readonly name: string
  /** A read where nothing was written: the average, because some servers are chosen at random. */
  readonly readMs: number
  /** The reads in the second after a write of the same user: the average. */
  readonly afterWriteMs: number
  /** Of so many reads right after a write, while the replicas are {@link Moving.lagMs} behind. */
  readonly stale: number
  readonly staleOf: number
  /** A transaction of one statement: the median. */
  readonly oneMs: number
  /** Of so many reads, once the replica next door was killed. */
  readonly failed: number
  readonly failedOf: number
}

const RTT_MS = 100
const OTHER_MS = 160
const LAG_MS = 250
const READS = 60
const LAGGING = 40
const TRANSACTIONS = 9
const AFTER_DEATH = 100
const CALLERS = 10

export async function moving(): Promise<Moving> {
  using progress = progressLine()
  progress.show('starting a primary in nrt, and replicas in ord and ams')
  await using world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'ams'],
    rtt: { 'nrt-ord': RTT_MS, 'ord-ams': OTHER_MS, 'nrt-ams': OTHER_MS },
  })
  const from = (region: string): string => world.url(region, { from: 'ord' })
  const servers = { primary: from('nrt'), replicas: [from('ord'), from('ams')], max: CALLERS }
  const movers: Mover[] = []
  try {
    for (const make of [onePool, rawPg, drizzle, prisma, typeorm, sequelize, railsRule])
      movers.push(await make(servers))
    movers.push(nearest({ ...world.poolOptions('ord'), max: CALLERS }, 'process'))
    await createAccounts(servers, movers.length)
    const rows = movers.map((mover, i) => new Row(mover, i + 1))
    const each = async <T>(what: string, work: (row: Row) => Promise<T>): Promise<T[]> => {
      const results: T[] = []
      for (const row of rows) {
        progress.show(`${what}, ${row.name}`)
        results.push(await work(row))
      }
      return results
    }
    await each('connecting', (row) => atOnce(2 * CALLERS, () => row.read()))
    const reads = await each('reads', (row) => row.reads())
    const transactions = await each('transactions', (row) => row.transactions())
    const afterWrites = await each('reads after a write', (row) => row.afterWrite())
    await lag(world, LAG_MS)
    const stale = await each(`reads ${LAG_MS} ms behind`, (row) => row.stale())
    await lag(world, 0)
    await world.kill('ord')
    const failed = await each('reads without the replica next door', (row) => row.failures())
    return {
      rttMs: await measureLink(servers.primary),
      otherMs: OTHER_MS,
      lagMs: LAG_MS,
      movers: movers.map(({ name }, i) => ({
        name,
        readMs: reads[i] ?? Number.NaN,
        oneMs: transactions[i] ?? Number.NaN,
        afterWriteMs: afterWrites[i] ?? Number.NaN,
        stale: stale[i] ?? Number.NaN,
        staleOf: LAGGING,
        failed: failed[i] ?? Number.NaN,
        failedOf: AFTER_DEATH,
      })),
    }
  } finally {
    await Promise.all(movers.map((mover) => mover.end()))
  }
}

/** What only one of them writes. */
class Row {
  readonly name: string
  readonly #mover: Mover
  readonly #id: number
  #balance = 0

  constructor(mover: Mover, id: number) {
    this.name = mover.name
    this.#mover = mover
    this.#id = id
  }

  read(): Promise<unknown> {
    return this.#mover.read(this.#id)
  }

  async reads(): Promise<number> {
    const begin = performance.now()
    await repeat(READS, () => this.read())
    return (performance.now() - begin) / READS
  }

  async transactions(): Promise<number> {
    const took: number[] = []
    await repeat(TRANSACTIONS, async () => {
      const begin = performance.now()
      await this.#mover.one(this.#id)
      took.push(performance.now() - begin)
    })
    return median(took)
  }

  async afterWrite(): Promise<number> {
    const took: number[] = []
    const timed = async (work: () => Promise<unknown>, from = performance.now()): Promise<number> => {
      await work()
      return performance.now() - from
    }
    await this.#mover.writeThenRead(this.#id, ++this.#balance)
    const end = performance.now() + 1_000
    do {
      took.push(await timed(() => this.read()))
      await sleep(20)
    } while (performance.now() < end)
    return took.reduce((sum, ms) => sum + ms, 0) / took.length
  }

  async stale(): Promise<number> {
    let stale = 0
    await repeat(LAGGING, async () => {
      const balance = ++this.#balance
      if ((await this.#mover.writeThenRead(this.#id, balance)) !== balance) stale++
    })
    return stale
  }

  async failures(): Promise<number> {
    let failed = 0
    await repeat(AFTER_DEATH / CALLERS, () => atOnce(CALLERS, () => this.read().catch(() => failed++)))
    return failed
  }
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await work()
}

function atOnce(times: number, work: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: times }, work))
}

/** A superuser may change a server's settings. */
async function lag(world: World, ms: number): Promise<void> {
  for (const region of ['ord', 'ams']) await setReplayLag(world.url(region, { as: 'superuser' }), ms)
}
