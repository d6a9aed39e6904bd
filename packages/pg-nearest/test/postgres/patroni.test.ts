import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, isOutcomeUnknownError } from '../../src/index.ts'
import { patroni } from '../../src/patroni/index.ts'
import { ask, healthOf, roleOf, until } from './fixtures.ts'
import { missing, startPatroni, type PatroniCluster } from './patroni-rig.ts'

if (missing !== undefined) console.log(`Skipped: ${missing}.`)

describe.skipIf(missing !== undefined)('under Patroni', () => {
  underPatroni()
})

function underPatroni(): void {
  let cluster: PatroniCluster
  beforeAll(async () => {
    cluster = await startPatroni(['nrt', 'ord', 'syd'])
  }, 120_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('its REST API names the members, and the pool uses them', async () => {
    const leader = (await cluster.leader()) ?? 'nrt'
    const { primary, replicas } =
      (await patroni([cluster.api('ord'), cluster.api('syd')], { regionOf: ({ name }) => name })({
        primary: cluster.url('nrt'),
      })) ?? {}
    expect([primary, Object.keys(replicas ?? {}).toSorted()]).toMatchObject([
      { region: leader },
      cluster.nodes.filter((node) => node !== leader).toSorted(),
    ])
    const pool = createPool({
      region: 'syd',
      primary: { region: 'nrt', url: cluster.url('nrt') },
      servers: patroni(cluster.api('ord'), { regionOf: ({ name }) => name }),
    })
    try {
      await until(() => pool.regions().length === 2, 'the members to be listed')
      await until(async () => (await pool.query('select 1')).servedBy.region === 'syd', 'reads next door')
      expect((await pool.query('create temp table t (id int)')).servedBy.region).toBe(leader)
    } finally {
      await pool.destroy()
    }
  })

  test('the leader’s machine dies: Patroni promotes another one, and the pool goes on', async () => {
    const pool = createPool({
      region: 'syd',
      primary: { region: 'nrt', url: cluster.url('nrt') },
      replicas: { ord: cluster.url('ord'), syd: cluster.url('syd') },
      failoverTimeoutMs: 45_000,
    })
    pool.on('error', () => undefined)
    try {
      await pool.query('create table written (id int not null)')
      const log = { acknowledged: new Set<number>(), unknown: new Set<number>(), failed: [] as unknown[] }
      const failedReads: unknown[] = []
      const acknowledgedAt: { readonly server: string; readonly at: number }[] = []
      let busy = true
      let next = 0
      const writer = async (): Promise<void> => {
        while (busy) {
          const id = next++
          try {
            const { servedBy } = await pool.query('insert into written values ($1)', [id])
            acknowledgedAt.push({ server: servedBy.server, at: performance.now() })
            log.acknowledged.add(id)
          } catch (error) {
            if (isOutcomeUnknownError(error)) log.unknown.add(id)
            else log.failed.push(error)
          }
          await sleep(20)
        }
      }
      const reader = async (): Promise<void> => {
        while (busy) {
          await pool.query('select count(*) from written').catch((error: unknown) => failedReads.push(error))
          await sleep(20)
        }
      }
      const all = [...Array.from({ length: 4 }, writer), ...Array.from({ length: 4 }, reader)]
      await sleep(1_500)
      await cluster.kill('nrt')
      let leader: string | undefined
      const promoted = async (): Promise<boolean> => (leader = await cluster.leader()) !== undefined
      await until(promoted, 'Patroni to promote', 60_000, 20)
      const promotedAt = performance.now()
      await until(() => acknowledgedAt.some(({ server }) => server === leader), 'writes on the new leader', 10_000)
      const resumedMs = Math.max(0, (acknowledgedAt.find(({ server }) => server === leader)?.at ?? 0) - promotedAt)
      console.log(`Writes resumed on ${leader} ${resumedMs.toFixed(0)} ms after it was the leader.`)
      expect(resumedMs).toBeLessThan(1_500)
      await sleep(1_000)
      busy = false
      await Promise.all(all)
      expect(failedReads).toEqual([])
      expect(log.failed, 'writes that had not been sent waited').toEqual([])

      const rows = await ask<{ id: number; times: number }>(
        cluster.url(leader ?? ''),
        'select id, count(*)::int as times from written group by id',
      )
      expect(rows.filter(({ times }) => times > 1)).toEqual([])
      const there = new Set(rows.map(({ id }) => id))
      const lost = [...log.acknowledged].filter((id) => !there.has(id))
      // Replication is asynchronous: only what was acknowledged in the leader's last moment may be gone.
      expect(lost.length).toBeLessThanOrEqual(4)
      expect([...there].filter((id) => !log.acknowledged.has(id) && !log.unknown.has(id))).toEqual([])

      await cluster.start('nrt')
      await until(() => healthOf(pool.status(), 'nrt') === 'up', 'the old leader to be back', 30_000)
      await until(() => roleOf(pool.status(), 'nrt') === 'replica', 'it to follow', 30_000)
      await until(async () => (await pool.replica('nrt').query('select 1')).servedBy.server === 'nrt', 'reads from it')
    } finally {
      await pool.destroy()
    }
  }, 150_000)
}
