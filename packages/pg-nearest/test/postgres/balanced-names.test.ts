import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { COUNTERS, countInSessions, pauseInTurn } from './balanced-sessions.ts'
import { ask, caughtUp, measuredNear, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { TestPools } from './test-pools.ts'
import { repeatedly } from './repeatedly.ts'
import { runDoctor } from './run-doctor.ts'

/** A name that leads to several machines in turn, as a reader's endpoint or a balancer does. */

const STANDBYS = ['ord', 'ams'] as const

let world: World
let name: NameSwitch
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: [...STANDBYS], rtt: 200 })
  await ask(world.url('nrt'), COUNTERS)
  await caughtUp(world)
  name = await startNameSwitch(world.url('ord'), world.url('ams'))
})
afterAll(async () => {
  await name[Symbol.asyncDispose]()
  await world.stop()
})
afterEach(async () => {
  for (const region of STANDBYS) await world.resumeReplay(region)
  await pools.destroyAll()
})

async function startPool(): Promise<NearestPool> {
  // The primary is as far as its link.
  const pool = await pools.start({ ...world.poolOptions('ord'), replicas: { ord: name.url } })
  await measuredNear(pool, 'ord', 3)
  return pool
}

describe('a reader’s name that leads to two standbys in turn', () => {
  test('with replay paused on one: no read misses its session’s write, and the other answers most', async () => {
    const pool = await startPool()
    await world.pauseReplay('ams')
    const history = await countInSessions(pool, { reads: 300, sessions: 12, readsPerWrite: 5 })
    expect(history).toMatchObject({ missed: 0, wentBack: 0, failed: [] })
    expect(history.local / history.reads).toBeGreaterThan(0.8)
  })

  test('with replay paused on one and then on the other: likewise', async () => {
    const pool = await startPool()
    const stop = pauseInTurn(world, STANDBYS, 300)
    const history = await countInSessions(pool, { reads: 420, sessions: 12, readsPerWrite: 5 })
    await stop()
    expect(history).toMatchObject({ missed: 0, wentBack: 0, failed: [] })
    expect(history.local / history.reads).toBeGreaterThan(0.8)
  })

  test('read in bursts while others write: few connections are closed for the other standby’s sake', async () => {
    const pool = await startPool()
    const writer = new pg.Client({ connectionString: world.url('nrt') })
    await writer.connect()
    const pause = (): Promise<void> => sleep(Math.random() * 10)
    await using writing = repeatedly(1, () =>
      writer.query('insert into counters values (0, 1) on conflict (id) do update set n = 1').then(pause),
    )
    await using reading = repeatedly(50, () => pool.query('select n from counters where id = 0').then(pause))
    await sleep(1_000)
    const before = name.dialled
    await sleep(2_000)
    const dialled = name.dialled - before
    await Promise.all([writing.stop(), reading.stop()])
    await writer.end()
    // The monitor's own among them.
    expect(dialled).toBeLessThan(12)
  })

  test('is found out, told, and shown with its members', async () => {
    const pool = await startPool()
    await Promise.all([1, 2, 3].map(() => pool.query('select 1')))
    await until(() => pool.status().servers[1]?.members.length === 2, 'two members')
    const { servers, problems } = pool.status()
    expect(problems).toEqual([expect.stringContaining('ord leads to 2 servers in turn')])
    expect(servers[1]?.members.map(({ role }) => role)).toEqual(['replica', 'replica'])
    expect(JSON.stringify(servers)).toContain('members')
  })

  test('is named by doctor', async () => {
    const argv = ['--region', 'ord', '--primary', `nrt=${world.url('nrt')}`, '--replica', `ord=${name.url}`]
    const [code, out] = await runDoctor(argv)
    expect(code).toBe(1)
    expect(out).toMatch(/ord +leads to 2 servers in turn/)
  })
})
