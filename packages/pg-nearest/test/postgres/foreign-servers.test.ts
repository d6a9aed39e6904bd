import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch } from './name-switch.ts'
import { TestPools } from './test-pools.ts'

/** What stands in the list by mistake: servers of another cluster, and a copy of this one that has gone its own way. */

let ours: World
let foreign: World
let copy: World
const pools = new TestPools()
const TABLE = `create table notes (n int);
  create function note(n int) returns int language sql volatile as 'insert into notes values (n) returning n'`

beforeAll(async () => {
  // Worlds that start from the same copy are one cluster, as a backup is of its original.
  ;[ours, foreign, copy] = await Promise.all([
    startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 100 }),
    startWorld({ primary: 'nrt', fresh: true }),
    startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 1 }),
  ])
  for (const world of [ours, foreign, copy]) await ask(world.url('nrt'), TABLE)
  await Promise.all([caughtUp(ours), caughtUp(copy)])
  await copy.promote('ord')
})
afterAll(() => Promise.all([ours, foreign, copy].map((world) => world?.stop())))
afterEach(async () => {
  await pools.destroyAll()
  await Promise.all([ours.start('nrt'), ours.start('ord')])
})

const count = async (world: World): Promise<number> =>
  (await ask<{ n: number }>(world.url(world.primary), 'select count(*)::int as n from notes'))[0]?.n ?? -1

interface Shape {
  readonly name: string
  readonly replicas: () => Record<string, string | string[]>
}

const SHAPES: readonly Shape[] = [
  { name: 'a foreign primary next door', replicas: () => ({ ord: foreign.url('nrt') }) },
  {
    name: 'a foreign primary beside a replica',
    replicas: () => ({ ord: [foreign.url('nrt'), ours.url('ord')] }),
  },
  {
    name: 'a foreign primary behind a replica',
    replicas: () => ({ ord: ours.url('ord'), ams: foreign.url('nrt') }),
  },
  { name: 'a copy on a later timeline next door', replicas: () => ({ ord: copy.url('ord') }) },
  {
    name: 'such a copy, a foreign primary and a replica',
    replicas: () => ({ ord: [copy.url('ord'), foreign.url('nrt'), ours.url('ord')] }),
  },
]

const listed = ({ replicas }: Shape): NearestPoolOptions => ({
  region: 'ord',
  primary: { region: 'nrt', url: ours.url('nrt', { from: 'ord' }) },
  replicas: replicas(),
  failoverTimeoutMs: 500,
})

/** Writes at once, before anything is known, and by what looks like a read. */
async function write(pool: NearestPool, times: number): Promise<number> {
  const writes = Array.from({ length: times }, (_, n) => [
    pool.query(`insert into notes values (${n})`),
    pool.query(`select note(${n})`),
    pool.transaction((tx) => tx.query(`insert into notes values (${n})`)),
  ]).flat()
  const ends = await Promise.allSettled(writes)
  return ends.filter(({ status }) => status === 'fulfilled').length
}

describe.each(SHAPES)('$name', (shape) => {
  test('gets no write, neither at the start nor later', async () => {
    const before = await Promise.all([ours, foreign, copy].map(count))
    const pool = pools.create(listed(shape))
    const done = (await write(pool, 10)) + (await pool.refresh(), await write(pool, 10))
    const after = await Promise.all([ours, foreign, copy].map(count))
    expect(after.slice(1)).toEqual(before.slice(1))
    expect((after[0] ?? 0) - (before[0] ?? 0)).toBe(done)
  })

  test('nor while the primary is down, whether it was heard before or not', async () => {
    const before = await Promise.all([foreign, copy].map(count))
    const heard = pools.create(listed(shape))
    await heard.refresh()
    await ours.kill('nrt')
    const unheard = pools.create(listed(shape))
    await Promise.all([write(heard, 3), write(unheard, 3)])
    expect(await Promise.all([foreign, copy].map(count))).toEqual(before)
  })
})

test('the error and the status say what is wrong, and what would help', async () => {
  await ours.kill('nrt')
  const pool = pools.create(listed({ name: '', replicas: () => ({ ord: foreign.url('nrt') }) }))
  await expect(pool.query('insert into notes values (1)')).rejects.toThrow(/ord says that it is the primary.*"cluster"/)
  await ours.start('nrt')
  await until(
    () => pool.status().problems.join().includes('ord belongs to another cluster than nrt'),
    'the status to say so',
  )
})

test('with the cluster named, a promoted replica gets the writes of a primary that was never heard', async () => {
  const [row] = await administer<{ id: string }>(
    ours,
    'nrt',
    'select system_identifier::text as id from pg_control_system()',
  )
  const replicas = { ord: copy.url('ord') }
  await ours.kill('nrt')
  const pool = pools.create({ ...listed({ name: '', replicas: () => replicas }), cluster: row?.id })
  const { servedBy } = await pool.query('insert into notes values (1)')
  expect(servedBy).toMatchObject({ server: 'ord', role: 'primary' })
})

test('so it does where the role may ask a standby whom it follows; the error names that right', async () => {
  const afterFailover: NearestPoolOptions = {
    primary: { region: 'nrt', url: 'postgres://app@127.0.0.1:1/app' },
    replicas: { ord: copy.url('ord'), syd: copy.url('syd') },
    failoverTimeoutMs: 500,
  }
  // At whatever moment syd flushes a page, its control file has the new timeline, too.
  const controlFile = 'pg_control_recovery(), pg_control_checkpoint()'
  await administer(copy, 'ord', `revoke execute on function ${controlFile} from public`)
  await caughtUp(copy)
  const before = await pools.start(afterFailover)
  const refused = before.query('insert into notes values (1)')
  await expect(refused).rejects.toThrow(/ord says that it is the primary.*clone.*grant pg_monitor.*"cluster"/)
  // Only a superuser may grant that.
  await administer(copy, 'ord', 'grant pg_monitor to app')
  await caughtUp(copy)
  const after = await pools.start({ ...afterFailover, failoverTimeoutMs: 5_000 })
  expect((await after.query('insert into notes values (1)')).servedBy).toMatchObject({ server: 'ord', role: 'primary' })
})

test('a primary and a later one that nobody saw being promoted: nobody gets writes, both are named, and reads go on', async () => {
  const pool = await pools.start(listed({ name: '', replicas: () => ({ ord: [copy.url('ord'), ours.url('ord')] }) }))
  await expect(pool.query('insert into notes values (1)')).rejects.toThrow(/nrt .* and ord .* both say/)
  expect((await pool.query('select 1')).servedBy).toMatchObject({ server: 'ord#2', role: 'replica' })
})

/** Of an app beside the replica behind this URL. */
const poolBeside = (url: string) =>
  pools.start({
    region: 'ord',
    primary: { region: 'nrt', url: ours.url('nrt') },
    replicas: { ord: url },
    failoverTimeoutMs: 300,
    probeIntervalMs: 50,
  })

test('a replica’s name that is moved to a restored backup: that its standby was seen shows nothing, and nobody gets writes', async () => {
  await using name = await startNameSwitch(ours.url('ord'))
  const pool = await poolBeside(name.url)
  const ord = (): string | undefined => pool.status().servers.find((server) => server.name === 'ord')?.role
  expect(ord()).toBe('replica')
  await pool.query('insert into notes values (1)')
  name.leadTo(copy.url('ord'))
  await ours.kill('ord')
  await until(() => ord() === 'primary', 'the name to lead to the backup')
  await expect(pool.query('insert into notes values (1)')).rejects.toThrow(/nrt .* and ord .* both say/)
  expect(pool.status().servers.filter(({ writeTo }) => writeTo)).toEqual([])
  expect((await pool.query('select 1')).servedBy.server).toBe('nrt')
})

test('the same where all machines tell one address, as containers on several hosts: it tells none from another', async () => {
  const tellPort = (world: World, definition: string) =>
    administer(
      world,
      world.primary,
      `set allow_system_table_mods = on;
       create or replace function pg_catalog.inet_server_port() returns int stable parallel restricted ${definition}`,
    )
  const both = [ours, copy]
  await Promise.all(both.map((world) => tellPort(world, "language sql as 'select 5432'")))
  await caughtUp(ours)
  try {
    await using name = await startNameSwitch(ours.url('ord'))
    const pool = await poolBeside(name.url)
    const [nrt, ord] = pool.status().servers
    expect(nrt?.machine?.split(' ').slice(1)).toEqual(ord?.machine?.split(' ').slice(1))
    name.leadTo(copy.url('ord'))
    await ours.kill('ord')
    await until(() => pool.status().servers[1]?.role === 'primary', 'the name to lead to the backup')
    await expect(pool.query('insert into notes values (1)')).rejects.toThrow(/nrt .* and ord .* both say/)
    expect(pool.status().servers.filter(({ writeTo }) => writeTo)).toEqual([])
  } finally {
    await Promise.all(both.map((world) => tellPort(world, "language internal as 'inet_server_port'")))
  }
})

test('a restored backup that was seen beside the primary gets no writes behind another name when the primary is gone', async () => {
  await using first = await startNameSwitch(copy.url('ord'))
  await using second = await startNameSwitch(ours.url('ord'))
  const pool = await pools.start({
    region: 'ord',
    primary: { region: 'nrt', url: ours.url('nrt') },
    replicas: { ord: first.url, syd: second.url },
    failoverTimeoutMs: 300,
    probeIntervalMs: 50,
  })
  const role = (of: string): string | undefined => pool.status().servers.find(({ name }) => name === of)?.role
  expect([role('nrt'), role('ord'), role('syd')]).toEqual(['primary', 'primary', 'replica'])
  await ours.kill('nrt')
  second.leadTo(copy.url('ord'))
  first.leadTo(ours.url('ord'))
  await ours.kill('ord')
  await until(() => role('syd') === 'primary', 'the name to lead to the backup')
  const before = await count(copy)
  await expect(pool.query('insert into notes values (1)')).rejects.toThrow('No server that takes writes')
  expect(await count(copy)).toBe(before)
  expect(pool.status().servers.filter(({ name, writeTo }) => writeTo && name !== 'nrt')).toEqual([])
})
