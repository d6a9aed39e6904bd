import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'

/** Two pools that lead to the same database show each other's writes, as one pool shows its own. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table notes (text text);
     create function note(text) returns text language sql volatile as 'insert into notes values ($1) returning text'`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())

const pools: NearestPool[] = []
function start(options: NearestPoolOptions): NearestPool {
  const pool = createPool(options)
  pools.push(pool)
  return pool
}
afterEach(async () => {
  await world.resumeReplay('ord')
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()))
})

const several = (): NearestPool => start(world.poolOptions('ord'))
const beside = (): NearestPool => start({ ...world.poolOptions('ord'), region: 'nrt' })
const alone = (): NearestPool => start({ primary: world.poolOptions('ord').primary })

let notes = 0
/** Writes a new note and returns how to look for it. */
async function write(pool: Pick<NearestPool, 'query'>): Promise<string> {
  const text = `note ${notes++}`
  await pool.query('insert into notes values ($1)', [text])
  return text
}
async function reads(pool: NearestPool, text: string): Promise<[number | null, string]> {
  const { rowCount, servedBy } = await pool.query('select from notes where text = $1', [text])
  return [rowCount, servedBy.server]
}

async function behind(...all: NearestPool[]): Promise<void> {
  await caughtUp(world, ...all)
  await world.pauseReplay('ord')
}

async function caughtUpAgain(...all: NearestPool[]): Promise<void> {
  await world.resumeReplay('ord')
  await behind(...all)
}

test.each([
  ['a pool with the same servers', several],
  ['a pool that reads from the primary', beside],
  ['a pool with one database', alone],
])('what %s has written is shown by another one', async (_, other) => {
  const [writer, reader] = [other(), several()]
  await behind(reader)
  expect(await reads(reader, await write(writer))).toEqual([1, 'nrt'])
  const inSession = await writer.session(undefined, () => write(writer))
  expect(await reads(reader, inSession), 'in a session').toEqual([1, 'nrt'])
  const inTransaction = await writer.transaction((transaction) => write(transaction))
  expect(await reads(reader, inTransaction), 'in a transaction').toEqual([1, 'nrt'])
})

test.each([
  ['a pool with the same servers', several],
  ['a pool that reads from the primary', beside],
  ['a pool with one database', alone],
])('what %s has written before the other one existed is shown, too', async (_, other) => {
  const writer = other()
  await behind(...(other === several ? [writer] : []))
  const text = await write(writer)
  const reader = several()
  await reader.refresh()
  expect(await reads(reader, text)).toEqual([1, 'nrt'])
})

test('what a pool has written at the server that it reads from is shown by another one', async () => {
  const [writer, reader] = [beside(), several()]
  await Promise.all([writer.refresh(), reader.refresh()])
  const read = await writer.query('select 1 from notes')
  expect(read.servedBy).toMatchObject({ server: 'nrt', reason: 'own-region' })
  await reader.query('select 1 from notes')
  await behind(writer, reader)
  const first = await write(writer)
  const second = await write(writer)
  const third = await write(writer)
  expect(await reads(reader, first)).toEqual([1, 'nrt'])
  expect(await reads(reader, second)).toEqual([1, 'nrt'])
  expect(await reads(reader, third)).toEqual([1, 'nrt'])
  expect(await reads(reader, await write(writer))).toEqual([1, 'nrt'])
})

test('so is what is being written there while another one begins', async () => {
  const writer = beside()
  await writer.refresh()
  await writer.query('select 1 from notes')
  const slow = writer.query("insert into notes select 'late' from pg_sleep(1)")
  const reader = several()
  await reader.refresh()
  await reader.query('select 1 from notes')
  await world.pauseReplay('ord')
  await slow
  expect(await reads(reader, 'late')).toEqual([1, 'nrt'])
})

test.each([
  ['with a COMMIT behind it', (text: string) => `insert into notes values ('${text}'); commit`],
  ['in a transaction of one text', (text: string) => `begin; insert into notes values ('${text}'); commit`],
  ['that looks like a COPY', (text: string) => `insert into notes values ('${text}'), ('copy notes from stdin')`],
])('a write %s is shown, by this pool and by another one', async (_, textOf) => {
  const [writer, reader] = [several(), several()]
  await behind(writer, reader)
  const note = (): string => `note ${notes++}`
  const [own, inSession, borrowed] = [note(), note(), note()]
  await writer.query(textOf(own))
  expect(await reads(writer, own)).toEqual([1, 'nrt'])
  expect(await reads(reader, own)).toEqual([1, 'nrt'])
  await writer.session(undefined, async () => {
    await writer.query(textOf(inSession))
    expect(await reads(writer, inSession)).toEqual([1, 'nrt'])
  })
  expect(await reads(reader, inSession)).toEqual([1, 'nrt'])
  const client = await writer.connect()
  await client.query(textOf(borrowed))
  client.release()
  expect(await reads(reader, borrowed)).toEqual([1, 'nrt'])
})

test.each([
  ['on the primary', (pool: NearestPool, text: string) => pool.primary.query(text)],
  ['by its route', (pool: NearestPool, text: string) => pool.query({ text, route: 'primary' })],
  ['strongly', (pool: NearestPool, text: string) => pool.query({ text, consistency: 'strong' })],
])('what a function writes that is called %s is shown', async (_, call) => {
  const [writer, reader] = [several(), several()]
  await behind(writer, reader)
  const [own, inSession] = [`note ${notes++}`, `note ${notes++}`]
  await call(writer, `select note('${own}')`)
  expect(await reads(reader, own)).toEqual([1, 'nrt'])
  await caughtUpAgain(writer, reader)
  await writer.session(undefined, () => call(writer, `select note('${inSession}')`))
  expect(await reads(writer, inSession)).toEqual([1, 'nrt'])
  expect(await reads(reader, inSession)).toEqual([1, 'nrt'])
})

test('what a pool has written whose reads may show anything is shown to whoever asks for more', async () => {
  const writer = start({ ...world.poolOptions('ord'), consistency: 'eventual' })
  const reader = several()
  await behind(writer, reader)
  const own = await write(writer)
  expect(await reads(writer, own)).toEqual([0, 'ord'])
  const asked = await writer.query({
    text: 'select from notes where text = $1',
    values: [own],
    consistency: 'session',
  })
  expect([asked.rowCount, asked.servedBy.server]).toEqual([1, 'nrt'])
  expect(await reads(reader, own)).toEqual([1, 'nrt'])
})

test('what may have been written, though its caller has given up, is asked of the primary', async () => {
  const [writer, reader] = [several(), several()]
  await behind(writer, reader)
  const giveUp = new AbortController()
  const enough = new Error('enough')
  const slow = writer.query({ text: "insert into notes select 'late' from pg_sleep(0.5)", signal: giveUp.signal })
  slow.catch(() => undefined)
  const runs = "select from pg_stat_activity where state = 'active' and query like 'insert into notes select%'"
  await until(async () => (await administer(world, 'nrt', runs)).length > 0, 'the write to run')
  giveUp.abort(enough)
  await expect(slow).rejects.toBe(enough)
  expect((await reads(reader, 'late'))[1]).toBe('nrt')
})

test('what is only read stays with its pool, and so does all that there is when the other one has ended', async () => {
  const [other, reader] = [several(), several()]
  await behind(other, reader)
  await other.query('select from notes')
  expect((await reads(reader, 'none'))[1]).toBe('ord')
  await other.end()
  const last = several()
  await last.end()
  expect((await reads(reader, 'none'))[1]).toBe('ord')
})

test('what a pool reads at the primary sends no other one there', async () => {
  const [near, reader] = [beside(), several()]
  await Promise.all([near.refresh(), reader.refresh()])
  await behind(near, reader)
  expect((await reads(reader, 'none'))[1]).toBe('ord')
  await ask(world.url('nrt'), "insert into notes values ('elsewhere')")
  expect(await reads(near, 'elsewhere')).toEqual([1, 'nrt'])
  expect((await reads(reader, 'none'))[1]).toBe('ord')
})

test('two pools of one database record nothing: there is nothing that could be behind', async () => {
  const [one, two] = [alone(), alone()]
  await write(one)
  expect([one.bookmark(), two.bookmark()]).toEqual([undefined, undefined])
  const third = several()
  await write(one)
  expect(one.bookmark()).toBeDefined()
  expect(third.bookmark()).toBe(one.bookmark())
  await third.end()
  expect(two.bookmark(), 'and nothing from then on').toBeUndefined()
})

test('nothing is left when all have ended', async () => {
  const registry = (globalThis as Record<symbol, unknown>)[Symbol.for('pg-nearest.process-sessions.3')]
  expect(registry).toBeInstanceOf(Map)
  const [one, two] = [several(), alone()]
  await Promise.all([one.end(), two.end()])
  expect((registry as Map<string, unknown>).size).toBe(0)
})
