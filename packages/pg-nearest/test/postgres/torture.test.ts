import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from } from 'pg-copy-streams'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RouteReason } from '../../src/index.ts'
import { outcomeOf, seen, type Outcome } from './torture/outcome.ts'
import { sections, stepsOf, type TortureCase } from './torture/torture-case.ts'
import { PRIMARY, REPLICA, startTorture, type TortureRig } from './torture/torture-rig.ts'

const SYNTAX_ERROR = '42601'

let rig: TortureRig
beforeAll(async () => {
  rig = await startTorture()
})
afterAll(() => rig.stop())
beforeEach(() => rig.reset())

type Query = (config: pg.QueryConfig) => Promise<unknown>

async function runAll(query: Query, steps: readonly pg.QueryConfig[], volatile = false): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const step of steps) outcomes.push(await outcomeOf(() => query(step), volatile))
  return outcomes
}

/** A borrowed client, as the caller of `pg` would use it; its connection is closed if something is left on it. */
async function runBorrowed(pool: pg.Pool, steps: readonly pg.QueryConfig[], each: TortureCase): Promise<Outcome[]> {
  const client = await pool.connect()
  try {
    return await runAll((config) => client.query(config), steps, each.volatile)
  } finally {
    client.release(each.leaves === true)
  }
}

/** The reference's transaction, by hand. */
async function runBetween(begin: string, steps: readonly pg.QueryConfig[], each: TortureCase): Promise<Outcome[]> {
  const client = await rig.reference.connect()
  try {
    await client.query(begin)
    const outcomes = await runAll((config) => client.query(config), steps, each.volatile)
    await client.query(outcomes.some((outcome) => 'error' in outcome) ? 'rollback' : 'commit')
    return outcomes
  } finally {
    client.release(each.leaves === true)
  }
}

/** Ours: what fails is rolled back, as the work says by throwing. */
async function runTransaction(
  readOnly: boolean,
  steps: readonly pg.QueryConfig[],
  { volatile, leaves }: TortureCase,
): Promise<Outcome[]> {
  const failed = new Error('A step has failed')
  let outcomes: Outcome[] = []
  await rig.pool
    .transaction({ readOnly }, async (tx) => {
      outcomes = await runAll((config) => tx.query(config), steps, volatile)
      if (outcomes.some((outcome) => 'error' in outcome)) throw failed
    })
    .catch((error: unknown) => {
      if (error !== failed) throw error
    })
  if (leaves === true) await discard()
  return outcomes
}

async function discard(): Promise<void> {
  await rig.pool.primary.query('discard all')
}

async function expectSame(each: TortureCase, ours: readonly Outcome[], theirs: readonly Outcome[]): Promise<void> {
  expect(ours.map(seen)).toEqual(theirs.map(seen))
  for (const table of each.tables ?? []) {
    const [here, there] = await rig.contentsOf(table)
    expect({ [table]: here }).toEqual({ [table]: there })
  }
}

function label(outcome: Outcome | undefined): { server: string; reason: RouteReason; attempts: number } | undefined {
  if (outcome === undefined || !('results' in outcome) || outcome.servedBy === undefined) return undefined
  const { server, reason, attempts } = outcome.servedBy
  return { server, reason, attempts }
}

/** By the logs, and by the label, which an error does not have. */
async function expectServers(steps: readonly pg.QueryConfig[], last: Outcome | undefined, servers: readonly string[]) {
  expect(await rig.serversOf(steps.at(-1)?.text ?? '')).toEqual(servers)
  if (last !== undefined && 'results' in last) {
    expect(label(last)).toMatchObject({ server: servers.at(-1), attempts: servers.length })
  }
}

function nameOf(server: string): string {
  return server === 'primary' ? PRIMARY : REPLICA
}

/** What is learned is learned for the text, so each way has a text of its own. */
function unlearned(each: TortureCase, way: string): pg.QueryConfig[] {
  const steps = stepsOf(each)
  return each.retried === true && each.statementName === undefined
    ? steps.map((step) => ({ ...step, text: `${step.text} /* ${way} */` }))
    : steps
}

describe.each(sections)('$section', ({ cases }) => {
  describe.each(cases)('$name', (each) => {
    if (each.superuser === true) {
      beforeAll(() => rig.become('superuser'))
      afterAll(() => rig.become('nosuperuser'))
    }
    if (each.behind === true) {
      beforeEach(() => rig.pause())
      afterEach(() => rig.resume())
    }
    beforeEach(() => {
      if (each.server === 'primary') rig.change()
    })
    const retriedAt = each.retried === undefined ? [] : [REPLICA]

    /** What needs one client is no single query, and what refuses a transaction block is not run in one. */
    const single = each.sql !== undefined
    const inBlock = each.inTransaction !== false

    if (single)
      test('pool.query', async () => {
        const steps = unlearned(each, 'pool')
        const run = (pool: pg.Pool): Promise<Outcome[]> => runAll((config) => pool.query(config), steps, each.volatile)
        const ours = await run(rig.pool)
        await expectSame(each, ours, await run(rig.reference))
        await expectServers(steps, ours[0], [...retriedAt, nameOf(each.server)])
        const code = rig.major < (each.since ?? 0) ? SYNTAX_ERROR : each.error
        if (code !== undefined) expect(ours[0]).toMatchObject({ error: { code } })
        else expect(ours[0]).toHaveProperty('results')
        if (each.retried !== undefined) {
          // The primary, which has answered, may have logged something by itself.
          await rig.catchUp()
          const again = await run(rig.pool)
          await expectSame(each, again, await run(rig.reference))
          await expectServers(steps, again[0], each.retried === true ? [PRIMARY] : [REPLICA, PRIMARY])
          if ('results' in (again[0] ?? {})) expect(label(again[0])).toMatchObject({ reason: 'learned-write' })
        }
        if (each.leaves === true) await Promise.all([discard(), rig.reference.query('discard all')])
      })

    test('a borrowed client', async () => {
      const steps = unlearned(each, 'client')
      const ours = await runBorrowed(rig.pool, steps, each)
      await expectSame(each, ours, await runBorrowed(rig.reference, steps, each))
      const known = each.statementName !== undefined && each.retried === true
      await expectServers(steps, ours.at(-1), [...(known ? [] : retriedAt), nameOf(each.borrowed ?? each.server)])
    })

    if (inBlock)
      test('a transaction', async () => {
        const steps = unlearned(each, 'transaction')
        const ours = await runTransaction(false, steps, each)
        await expectSame(each, ours, await runBetween('begin', steps, each))
        await expectServers(steps, ours.at(-1), [PRIMARY])
      })

    if (inBlock)
      test('a read-only transaction', async () => {
        const steps = unlearned(each, 'read only')
        const ours = await runTransaction(true, steps, each)
        await expectSame(each, ours, await runBetween('begin read only', steps, each))
        const servers = await rig.serversOf(steps.at(-1)?.text ?? '')
        if (each.retried === undefined) expect(servers).toEqual([nameOf(each.readOnly ?? each.server)])
        else expect(servers[0]).toBe(REPLICA)
      })
  })
})

describe('one snapshot on a replica', () => {
  const begin = 'begin isolation level repeatable read read only'
  /** The first statement of a snapshot, and the next one, end as in pg alone. */
  const expectAsAlone = async (first: string, next: string): Promise<void> => {
    const each: TortureCase = { name: first, sql: first, server: 'replica', leaves: true }
    const steps = [begin, first, next, 'rollback'].map((text) => ({ text }))
    await expectSame(each, await runBorrowed(rig.pool, steps, each), await runBorrowed(rig.reference, steps, each))
  }

  test.each(['select pg_is_in_recovery()', 'select count(*) from pg_stat_activity', 'show transaction_read_only'])(
    'does not answer for the primary: %s',
    async (text) => {
      const client = await rig.pool.connect()
      try {
        await client.query(begin)
        await client.query('select count(*) from users')
        await expect(client.query(text)).rejects.toMatchObject({ code: 'NEAREST_NOT_HERE' })
        expect(label(await outcomeOf(() => client.query('select 1'), false))?.server).toBe(REPLICA)
        expect((await client.query('commit')).command).toBe('COMMIT')
      } finally {
        client.release()
      }
    },
  )

  test.each([
    'show transaction_read_only',
    'set transaction read write',
    'select pg_current_wal_lsn() is null as unknown',
    'listen news',
  ])('begins again on the primary for its first statement: %s', (text) =>
    expectAsAlone(text, 'insert into hits values (5)'),
  )

  test('and for a COPY, which its replica would refuse before it looks for the table', async () => {
    const copied = async (pool: pg.Pool): Promise<Outcome> => {
      const client = await pool.connect()
      try {
        await client.query(begin)
        return await outcomeOf(
          () => pipeline(Readable.from(['1\n']), client.query(from('copy nowhere from stdin'))),
          false,
        )
      } finally {
        client.release(true)
      }
    }
    expect(seen(await copied(rig.pool))).toEqual(seen(await copied(rig.reference)))
  })

  test.each([
    'delete from hits',
    'vacuum users; select 1',
    "select nextval('counter')",
    'select hit()',
    'select 1 / 0',
  ])('refuses as the primary would: %s', (text) => expectAsAlone(text, 'select pg_is_in_recovery()'))
})

describe('what no text shows and no standby refuses needs to be told: route: "primary"', () => {
  test.each([
    { name: 'a function that takes an advisory lock', text: 'select lock_quietly(46)' },
    { name: 'a function that hides the refusal', text: 'select count_or_give_up() as n' },
    { name: 'every column of a sequence', text: 'table counter' },
  ])('$name', async ({ name, text }) => {
    rig.change()
    const each: TortureCase = { name, sql: text, server: 'primary', tables: ['hits'] }
    const ours = await outcomeOf(() => rig.pool.query({ text, route: 'primary' }), false)
    await expectSame(each, [ours], [await outcomeOf(() => rig.reference.query(text), false)])
    await expectServers([{ text }], ours, [PRIMARY])
    await discard()
    await rig.reference.query('discard all')
  })
})
