import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startWorld, type World } from 'pg-nearest-world'
import { ask, open, until } from './world-support.ts'

let world: World

beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 20 })
  await ask(world.url('nrt'), 'create table kept (n int)')
  await write(1)
  for (const region of ['ord', 'ams']) await shows(region, '1')
})
afterEach(() => world.stop())

const write = (n: number): Promise<unknown> => ask(world.url(world.primary), `insert into kept values (${n})`)
const read = (region: string): Promise<string | undefined> =>
  ask<string>(world.url(region), `select string_agg(n::text, ',' order by n) as value from kept`)
const shows = (region: string, all: string): Promise<number> => until(async () => (await read(region)) === all)
const portOf = (region: string): number => Number(new URL(world.url(region)).port)
const isStandby = (region: string): Promise<boolean | undefined> =>
  ask<boolean>(world.url(region), 'select pg_is_in_recovery() as value')
const roles = async (): Promise<string[]> => (await world.status()).map(({ region, role }) => `${region} ${role}`)

test('a killed replica is gone at once, and catches up when it is back', async () => {
  const near = await open(world.url('ord'))
  const far = await open(world.url('ord', { from: 'ams' }))
  const ended = [near, far].map(async (client) => {
    await new Promise((resolve) => client.once('end', resolve))
    return performance.now()
  })
  const start = performance.now()
  await world.kill('ord')
  const [nearEnd = 0, farEnd = 0] = await Promise.all(ended)
  expect(farEnd - start).toBeGreaterThan(9)
  expect(farEnd - nearEnd).toBeLessThan(200)
  await expect(read('ord')).rejects.toThrow('ECONNREFUSED')
  await expect(open(world.url('ord', { from: 'ams' }))).rejects.toThrow(/terminated|ECONNRESET/)
  expect(await roles()).toEqual(['nrt primary', 'ord down', 'ams replica'])
  await expect(world.kill('ord')).rejects.toMatchObject({ code: 'WORLD_WRONG_STATE' })
  await expect(world.pauseReplay('ord')).rejects.toMatchObject({ code: 'WORLD_WRONG_STATE' })
  await expect(world.promote('ord')).rejects.toMatchObject({ code: 'WORLD_WRONG_STATE' })
  await write(2)
  await world.start('ord')
  await shows('ord', '1,2')
  expect(await roles()).toEqual(['nrt primary', 'ord replica', 'ams replica'])
})

test.each(['ord', 'nrt'])(
  'when another server answers on the port that %s had before it was killed, it comes back on another port',
  async (killed) => {
    await world.kill(killed)
    const taken = portOf(killed)
    const stranger = createServer((client) => {
      const server = connect(portOf('ams'), '127.0.0.1')
      client.on('error', () => undefined).on('close', () => server.destroy())
      server.on('error', () => undefined).on('close', () => client.destroy())
      client.pipe(server).pipe(client)
    })
    stranger.listen(taken, '127.0.0.1')
    await once(stranger, 'listening')
    try {
      await world.start(killed)
      expect(portOf(killed)).not.toBe(taken)
      expect(await roles()).toEqual(['nrt primary', 'ord replica', 'ams replica'])
      await write(2)
      await shows(killed, '1,2')
      await shows('ams', '1,2')
    } finally {
      stranger.close()
    }
  },
)

test('a killed primary keeps what it acknowledged, and comes back as the primary', async () => {
  await write(2)
  await world.kill('nrt')
  expect(await read('ord')).toMatch(/^1/)
  await expect(world.addRegion('fra')).rejects.toMatchObject({ code: 'WORLD_WRONG_STATE' })
  await world.start('nrt')
  expect(await read('nrt')).toBe('1,2')
  await write(3)
  await shows('ord', '1,2,3')
  await shows('ams', '1,2,3')
})

test('replay pauses and goes on', async () => {
  await world.pauseReplay('ord')
  await write(2)
  await shows('ams', '1,2')
  await sleep(100)
  expect(await read('ord')).toBe('1')
  expect((await world.status()).map(({ replayPaused }) => replayPaused)).toEqual([false, true, false])
  await world.resumeReplay('ord')
  await shows('ord', '1,2')
})

test('after a promotion the others follow, the old primary too', async () => {
  await world.promote('ord')
  expect(world.primary).toBe('ord')
  expect(world.regions[0]).toBe('ord')
  expect(world.poolOptions('ams').primary).toEqual({ region: 'ord', url: world.url('ord', { from: 'ams' }) })
  expect(await isStandby('ord')).toBe(false)
  await write(2)
  await shows('ams', '1,2')
  await shows('nrt', '1,2')
  expect(await roles()).toEqual(['ord primary', 'nrt replica', 'ams replica'])
  expect(await ask<string>(world.url('nrt'), `select pg_is_in_recovery()::text as value`)).toBe('true')
  // And back again, with all that was written since.
  await world.promote('nrt')
  await write(3)
  await shows('ord', '1,2,3')
  await shows('ams', '1,2,3')
})

test('a primary that was dead at the promotion comes back as a replica, without what nobody else had', async () => {
  world.partition('nrt', 'ord')
  world.partition('nrt', 'ams')
  await write(99)
  await world.kill('nrt')
  world.heal('nrt', 'ord')
  world.heal('nrt', 'ams')
  // What it had sent still arrives after the partition, on whichever of them: one that has more must not keep it alone.
  await world.promote('ord')
  await write(2)
  const all = await read('ord')
  await shows('ams', all ?? '')
  await world.start('nrt')
  expect(await isStandby('nrt')).toBe(true)
  await shows('nrt', all ?? '')
})

test('a replica that is further than the new primary is cloned from it', async () => {
  await world.pauseReplay('ord')
  world.partition('nrt', 'ord')
  await write(50)
  await shows('ams', '1,50')
  await world.promote('ord')
  expect(await read('ord')).toBe('1')
  await write(2)
  await shows('ams', '1,2')
  world.heal('nrt', 'ord')
  await shows('nrt', '1,2')
})

test('a replica that a partition keeps from the new primary follows when it heals', async () => {
  world.partition('ord', 'ams')
  await world.promote('ord')
  await write(2)
  await shows('nrt', '1,2')
  expect(await read('ams')).toBe('1')
  world.heal('ord', 'ams')
  await shows('ams', '1,2')
})

test('a replica that is behind follows a region that joined later and was promoted', async () => {
  world.partition('nrt', 'ord')
  // More than what a segment of the write-ahead log holds.
  await ask(world.url('nrt'), "create table much as select repeat('x', 1000) as text from generate_series(1, 5000)")
  await world.addRegion('fra')
  await world.promote('fra')
  await write(2)
  await shows('ord', '1,2')
  await shows('ams', '1,2')
})

test('stopping does not wait for what cannot be done', async () => {
  await world.kill('ord')
  world.setBandwidth('ord', 'nrt', 1)
  const starting = world.start('ord').catch((error: unknown) => error)
  await until(async () => (await isStandby('ord')) === true)
  const start = performance.now()
  await world.stop()
  expect(performance.now() - start).toBeLessThan(4_000)
  expect(await starting).toMatchObject({ name: 'WorldError' })
})
