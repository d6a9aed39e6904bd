import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import {
  brokenRecord,
  cut,
  cutInHalf,
  fatal,
  instead,
  startBreakingProxy,
  type Break,
  type BreakingProxy,
} from './breaking-proxy.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** Each server is behind a proxy that breaks the answer once the server has executed the statement. */
let world: World
interface Proxies {
  readonly primary: BreakingProxy
  readonly replica: BreakingProxy
}
let plain: Proxies
let encrypted: Proxies

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table orders (id text primary key)')
  await caughtUp(world)
  const both = async (tls: boolean): Promise<Proxies> => ({
    primary: await startBreakingProxy(world.url('nrt', { from: 'ord' }), { tls }),
    replica: await startBreakingProxy(world.url('ord'), { tls }),
  })
  plain = await both(false)
  encrypted = await both(true)
})
afterAll(async () => {
  for (const { primary, replica } of [plain, encrypted]) await Promise.all([primary.stop(), replica.stop()])
  await world?.stop()
})
interface Damage {
  readonly name: string
  readonly how: Break
  readonly tls?: boolean
}
const DAMAGES: readonly Damage[] = [
  { name: 'FATAL 58000 and a close', how: fatal('58000') },
  { name: 'FATAL XX000 and a close', how: fatal('XX000') },
  // What a pooler says of a client of its own.
  { name: 'FATAL 42501 and a close', how: fatal('42501') },
  { name: 'an answer that ends in its middle', how: cutInHalf },
  { name: 'a message of no known kind', how: instead(Buffer.from([0x01, 0, 0, 0, 8, 1, 2, 3, 4]), 'stay') },
  { name: 'an error without an end', how: instead(Buffer.from('E\0\0\0\x0eSERROR\0Mno', 'latin1'), 'stay') },
  { name: 'a notice without an end', how: instead(Buffer.from('N\0\0\0\x0eSERROR\0Mno', 'latin1'), 'stay') },
  { name: 'a message without a length', how: instead(Buffer.from('D\0\0\0\0', 'latin1'), 'stay') },
  { name: 'an answer of another protocol', how: instead('HTTP/1.1 502 Bad Gateway\r\n\r\n') },
  { name: 'a broken TLS record', how: brokenRecord, tls: true },
  { name: 'a cut connection under TLS', how: cut, tls: true },
  { name: 'FATAL 58000 within TLS', how: fatal('58000'), tls: true },
]

async function app({ tls = false }: Damage): Promise<{ pool: NearestPool; proxies: Proxies }> {
  const { region, primary, replicas } = world.poolOptions('ord')
  const proxies = tls ? encrypted : plain
  const behind = (url: string, proxy: BreakingProxy): string =>
    Object.assign(new URL(url), { host: new URL(proxy.url).host }).href
  const pool = createPool({
    region,
    primary: { ...primary, url: behind(primary.url, proxies.primary) },
    replicas: { ord: behind(replicas['ord'] ?? '', proxies.replica) },
    ...(tls ? { ssl: { rejectUnauthorized: false } } : {}),
  })
  pool.on('error', () => undefined)
  await pool.refresh()
  await pool.primary.query('select 1')
  return { pool, proxies }
}

let serial = 0
const nextId = (): string => `order ${++serial}`
const insert = (id: string): string => `insert into orders values ('${id}')`
const truth = (id: string) => ask(world.url('nrt'), `select count(*)::int as n from orders where id = '${id}'`)

describe.each(DAMAGES)('$name', (damage) => {
  let pool: NearestPool
  let proxies: Proxies
  beforeAll(async () => {
    ;({ pool, proxies } = await app(damage))
  })
  afterAll(() => settled(pool.destroy(), 'the end of the pool'))

  test('for a write: its outcome is unknown, and the next one runs', async () => {
    const id = nextId()
    const broken = proxies.primary.breakNext(id, damage.how)
    const error = await rejectionOf(pool.query(insert(id)), 'the write')
    await settled(broken, 'the break')
    expect(await truth(id), 'the server has executed it').toEqual([{ n: 1 }])
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', code: '08007' })
    const next = await settled(pool.query(insert(nextId())), 'the next write')
    expect(next.rowCount).toBe(1)
  })

  test('for the COMMIT of a transaction: its outcome is unknown', async () => {
    const id = nextId()
    const broken = proxies.primary.breakNext('commit\0', damage.how)
    const work = pool.transaction(async (tx) => void (await tx.query(insert(id))))
    const error = await rejectionOf(work, 'the transaction')
    await settled(broken, 'the break')
    expect(await truth(id)).toEqual([{ n: 1 }])
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', code: '08007' })
  })

  test('in the middle of a transaction: it is lost, and the next one runs', async () => {
    const [first, second] = [nextId(), nextId()]
    const broken = proxies.primary.breakNext(second, damage.how)
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(first))
      await tx.query(insert(second))
    })
    const error = await rejectionOf(work, 'the transaction')
    await settled(broken, 'the break')
    expect(error).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    expect([await truth(first), await truth(second)]).toEqual([[{ n: 0 }], [{ n: 0 }]])
    const next = pool.transaction(async (tx) => (await tx.query(insert(nextId()))).rowCount)
    expect(await settled(next, 'the next transaction')).toBe(1)
  })

  async function readThroughIt(reader: NearestPool): Promise<void> {
    await caughtUp(world, reader)
    const mark = nextId()
    const broken = proxies.replica.breakNext(mark, damage.how)
    const read = await settled(reader.query(`select '${mark}' as mark`), 'the read')
    await settled(broken, 'the break')
    expect(read.rows).toEqual([{ mark }])
    expect((await settled(reader.query('select 1 as one'), 'the next read')).rows).toEqual([{ one: 1 }])
  }

  test('for a read on the replica: it is answered', () => readThroughIt(pool))

  test('for the first read of a process on the replica: it is answered', async () => {
    const { pool: fresh } = await app(damage)
    try {
      await readThroughIt(fresh)
    } finally {
      await settled(fresh.destroy(), 'the end of the pool')
    }
  })
})
