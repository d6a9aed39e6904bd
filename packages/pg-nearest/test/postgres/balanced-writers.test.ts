import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { TestPools } from './test-pools.ts'

/** A writer's name behind which standbys stand, too, as when it is balanced over all machines. */

let world: World
let name: NameSwitch
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams', 'syd'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  await pools.destroyAll()
  await name[Symbol.asyncDispose]()
})

async function startBehind(
  machines: readonly [string, ...string[]],
  options: Partial<NearestPoolOptions> = {},
): Promise<NearestPool> {
  const [first, ...others] = machines.map((region) => world.url(region))
  name = await startNameSwitch(first ?? '', ...others)
  return pools.start({
    region: 'syd',
    primary: { region: 'primary', url: name.url },
    replicas: { syd: world.url('syd') },
    failoverTimeoutMs: 5_000,
    ...options,
  })
}

/** So many calls by five callers. Resolves with what failed. */
async function callAll(calls: number, call: (i: number) => Promise<unknown>): Promise<unknown[]> {
  const failed: unknown[] = []
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < calls) {
      const i = next++
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await call(i).catch((error: unknown) => failed.push(error))
      // oxlint-disable-next-line no-await-in-loop -- so that they last as long as some probes
      await sleep(30)
    }
  }
  await Promise.all(Array.from({ length: 5 }, caller))
  return failed
}

/** The roles that the writer's name is told to have. */
function rolesToldBy(pool: NearestPool): string[] {
  const told: string[] = []
  pool.on('topology', ({ servers }) => told.push(servers[0]?.role ?? ''))
  return told
}

const write = (pool: NearestPool) => pool.query('insert into notes values (1)')

describe('a writer’s name behind which a standby stands, too', () => {
  test.each<[machines: [string, ...string[]]]>([[['nrt', 'ord']], [['ord', 'nrt']], [['ord', 'nrt', 'ams']]])(
    '%j: 200 writes end without an error and without waiting',
    async (machines) => {
      const pool = await startBehind(machines)
      const roles = rolesToldBy(pool)
      const failed = await callAll(200, () => write(pool))
      expect(failed).toEqual([])
      expect(pool.status().servers[0]).toMatchObject({ role: 'primary', writeTo: true })
      // A name that counts as a replica for a while makes writes wait for the next probe.
      expect(roles.slice(Math.max(0, roles.indexOf('primary')))).not.toContain('replica')
    },
  )

  test.each([10, 1])('transactions, borrowed clients and reads of the primary, at most %i connections', async (max) => {
    const pool = await startBehind(['nrt', 'ord'], { max })
    const borrowed = async (): Promise<void> => {
      const client = await pool.connect()
      try {
        const { rows } = await client.query<{ n: number }>('select count(*)::int as n from notes')
        await client.query('insert into notes values (2)')
        const after = await client.query<{ n: number }>('select count(*)::int as n from notes')
        if ((after.rows[0]?.n ?? 0) <= (rows[0]?.n ?? 0)) throw new Error('it does not see its own write')
      } finally {
        client.release()
      }
    }
    const kinds = [
      () => write(pool),
      () => pool.transaction((tx) => tx.query('insert into notes values (3)')),
      () => pool.transaction({ readOnly: true }, (tx) => tx.query('select count(*) from notes')),
      borrowed,
      () => pool.query({ text: 'select count(*) from notes', consistency: 'strong' }),
      async () => {
        const { rows } = await pool.primary.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
        if (rows[0]?.standby ?? true) throw new Error('it is not the primary')
      },
    ]
    const failed = await callAll(150, async (i) => kinds[i % kinds.length]?.())
    expect(failed).toEqual([])
    expect(pool.status().servers[0]?.connections.total).toBeLessThanOrEqual(max)
  })

  test('each session sees its own writes, whichever machine answers', async () => {
    // Reads go to this name, too: there is none nearer.
    const pool = await startBehind(['nrt', 'ord', 'ams'], { region: 'primary', replicas: { syd: world.url('syd') } })
    await world.pauseReplay('ord')
    try {
      const failed = await callAll(60, (i) =>
        pool.session(undefined, async () => {
          await pool.query('insert into notes values ($1)', [1_000 + i])
          const { rows } = await pool.query('select 1 from notes where n = $1', [1_000 + i])
          if (rows.length !== 1) throw new Error('it does not see its own write')
        }),
      )
      expect(failed).toEqual([])
    } finally {
      await world.resumeReplay('ord')
    }
  })

  test('whose primary dies: whoever is promoted gets the writes, behind this name or elsewhere', async () => {
    const pool = await startBehind(['nrt', 'ord'], { failoverTimeoutMs: 20_000 })
    await callAll(30, () => write(pool))
    await world.kill('nrt')
    // As a balancer that looks whom it leads to.
    name.leadTo(world.url('ord'))
    const written = write(pool)
    await world.promote('ord')
    const promotedAt = performance.now()
    expect((await written.catch(() => write(pool))).servedBy).toMatchObject({ server: 'primary', role: 'primary' })
    expect(performance.now() - promotedAt).toBeLessThan(2_000)
    await world.kill('ord')
    const again = write(pool)
    await world.promote('syd')
    expect((await again.catch(() => write(pool))).servedBy).toMatchObject({ server: 'syd', role: 'primary' })
  })
})
