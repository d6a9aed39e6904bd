import { startWorld } from 'pg-nearest-world'
import { afterEach, expect, test } from 'vitest'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A process reads its usual server without asking for positions, until that is replaced. */

const pools = new TestPools()
afterEach(() => pools.destroyAll())

test.each([
  ['asked', (list: object) => list],
  ['listed anew', (list: object) => ({ ...list })],
])(
  'what was written there, and is lost with it, is told, though the new primary was %s meanwhile',
  async (how, listed) => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ams'], rtt: 10 })
    await ask(world.url('nrt'), 'create table items (n int)')
    await caughtUp(world)
    const list = { primary: { region: 'nrt', url: world.url('nrt') }, replicas: { ams: world.url('ams') } }
    const pool = await pools.start({ region: 'nrt', ...list, probeIntervalMs: 30_000 })
    const lost: unknown[] = []
    pool.on('position-lost', (event) => lost.push(event))
    for (let i = 0; i < 4; i++) await pool.query('select n from items')
    world.partition('nrt', 'ams')
    await pool.query('insert into items values (1)')
    expect((await pool.query('select n from items')).rows).toEqual([{ n: 1 }])
    await world.kill('nrt')
    await administer(world, 'ams', 'select pg_promote()')
    if (how === 'listed anew') pool.setServers(listed(list) as typeof list)
    const isNoticed = async (): Promise<boolean> =>
      (await pool.refresh()).servers.some(({ name, role }) => name === 'ams' && role === 'primary')
    await until(isNoticed, 'the promotion to be noticed')
    await pool.refresh()
    const { rows } = await pool.query({ text: 'select n from items', timeoutMs: 9_000 })
    expect([rows, lost.length]).toEqual([[], 1])
  },
)
