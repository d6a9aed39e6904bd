import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A client of pg's calls the callback that a query object has; a pool does not. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
const MAKERS = {
  pg: () => new pg.Pool({ connectionString: world.url('nrt'), max: 2 }),
  one: () => pools.create({ primary: world.url('nrt'), max: 2 }) as unknown as pg.Pool,
  near: () => pools.create(world.poolOptions('ord')) as unknown as pg.Pool,
}
test.each(Object.keys(MAKERS) as (keyof typeof MAKERS)[])(
  '%s: a callback in the options of client.query()',
  async (which) => {
    const pool = MAKERS[which]()
    const client = await pool.connect()
    const said: string[] = []
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => void unhandled.push((error as Error).message)
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', hear)
    const ask = (text: string): void => {
      const returned: unknown = client.query({
        text,
        callback: (error: Error | null, result: pg.QueryResult) =>
          said.push(error ? error.message : JSON.stringify(result.rows)),
      } as never)
      said.push(String(returned))
    }
    ask('select 1 as one')
    ask('select 1/0')
    await sleep(300)
    process.removeAllListeners('unhandledRejection')
    for (const each of before) process.on('unhandledRejection', each)
    client.release()
    await pool.end()
    expect({ said, unhandled }).toEqual({
      said: ['undefined', 'undefined', '[{"one":1}]', 'division by zero'],
      unhandled: [],
    })
  },
)

test.each(['one', 'near'] as const)(
  '%s: what is no callback, on the pool, where pg would end the process',
  async (which) => {
    const pool = MAKERS[which]()
    const ask = pool.query.bind(pool) as unknown as (...args: unknown[]) => Promise<unknown>
    await expect(ask('select 1', [], 5)).rejects.toThrow(new TypeError('callback is not a function'))
    await pool.end()
  },
)

/** What is given beside a pg.Query: `a` is a callback, and `own` one that it has itself. */
type Beside = readonly unknown[]
type Hear = (who: string) => (error: unknown, result?: unknown) => void
const FORMS: Readonly<Record<string, (hear: Hear) => Beside>> = {
  nothing: () => [],
  values: () => [[]],
  a: (hear) => [hear('a')],
  'values and a': (hear) => [[], hear('a')],
  'no values and a': (hear) => [undefined, hear('a')],
  'null and a': (hear) => [null, hear('a')],
}

/** Who heard of its end, and what was returned. */
async function heardOf(
  on: { query: unknown },
  text: string,
  form: (hear: Hear) => Beside,
  own?: false | 'own',
): Promise<unknown> {
  const heard: string[] = []
  let resolve = (): void => undefined
  const over = new Promise<void>((end) => (resolve = end))
  const hear: Hear = (who) => (error, result) => {
    heard.push(`${who}: ${error ? (error as Error).message : JSON.stringify((result as pg.QueryResult).rows)}`)
    resolve()
  }
  const query = new pg.Query(text)
  if (own !== undefined) Object.assign(query, { callback: own && hear('own') })
  const emitter = query as unknown as NodeJS.EventEmitter
  emitter.on('error', (error: Error) => (heard.push(`event: ${error.message}`), resolve())).on('end', () => resolve())
  const returned: unknown = (on.query as (...args: unknown[]) => unknown).call(on, query, ...form(hear))
  const what = returned === query ? 'the query' : returned instanceof Promise ? 'a promise' : String(returned)
  const told = returned instanceof Promise ? returned.then(String, (error: Error) => error.message) : over
  await settled(Promise.race([over, told]), text)
  // Whoever else is told is told by then.
  await sleep(20)
  return { heard, what }
}

test.each(['one', 'near'] as const)('%s: whoever is called back of a pg.Query, as with pg', async (which) => {
  const texts = ['select 1 as one', 'select 1/0']
  const all = async (of: keyof typeof MAKERS): Promise<Record<string, unknown>> => {
    const pool = MAKERS[of]()
    const client = await pool.connect()
    const got: Record<string, unknown> = {}
    for (const text of texts) {
      for (const [name, form] of Object.entries(FORMS)) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        got[`pool, ${text}, ${name}`] = await heardOf(pool, text, form)
        // oxlint-disable-next-line no-await-in-loop
        got[`client, ${text}, ${name}`] = await heardOf(client, text, form)
        // oxlint-disable-next-line no-await-in-loop
        got[`client, ${text}, false, ${name}`] = await heardOf(client, text, form, false)
      }
    }
    for (const text of texts) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      got[`client, ${text}, its own`] = await heardOf(client, text, () => [[]], 'own')
    }
    client.release()
    await pool.end()
    return got
  }
  expect(await all(which)).toEqual(await all('pg'))
})
