import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { withUsers } from './fixtures.ts'

/** Statements with a name, on a borrowed client and on pg's own with the primary alone: the answers are the same. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
})
afterAll(async () => {
  await pool?.destroy()
  await world?.stop()
})

type Step = string | { readonly text?: string; readonly values?: readonly unknown[] }
const NAME_ALONE: Step = {}
const ONE: Step = { text: 'select 1 as n' }
const TWO: Step = { text: 'select 2 as n' }
const WRITES: Step = { text: "update users set age = age where name = 'nobody' returning 3 as n" }
const NO_SQL: Step = { text: 'selct 1' }
const NO_TABLE: Step = { text: 'select n from missing' }
const NO_TEMPORARY: Step = { text: 'select n from passing' }
const CREATES = 'create temporary table passing as select 5 as n'
const FAILS: Step = { text: 'select 1 / (random() * 0)::int as n' }
const NUMBER: Step = { text: 'select $1::int as n', values: [7] }
const NO_NUMBER: Step = { text: 'select $1::int as n', values: ['x'] }
const MOVES = 'select pg_is_in_recovery() as replica'

const PROGRAMS: Readonly<Record<string, readonly Step[]>> = {
  'a text, then its name': [ONE, NAME_ALONE, NAME_ALONE],
  'a text with values, then its name': [NUMBER, { values: [8] }, NUMBER],
  'a name that nothing was given with': [NAME_ALONE],
  'two reads': [ONE, TWO, NAME_ALONE],
  'a read and a write': [ONE, WRITES, NAME_ALONE, ONE],
  'a write and a read': [WRITES, ONE, NAME_ALONE, WRITES],
  'what cannot be parsed': [NO_SQL, NAME_ALONE],
  'a table that is missing': [NO_TABLE, NAME_ALONE],
  'what cannot be parsed, and another text': [NO_SQL, ONE, NAME_ALONE],
  'what cannot be parsed behind what can': [ONE, NO_SQL, NAME_ALONE],
  'what cannot be parsed, until it can': [NO_TEMPORARY, CREATES, NO_TEMPORARY, NAME_ALONE, 'drop table passing'],
  'what fails when it runs': [FAILS, NAME_ALONE, ONE, NAME_ALONE],
  'what fails when it gets its values': [NO_NUMBER, { values: [8] }, ONE, { values: [9] }],
  'what fails, and a write': [FAILS, WRITES, NAME_ALONE],
  'in a transaction': ['begin', ONE, NAME_ALONE, NO_SQL, NAME_ALONE, 'rollback', NAME_ALONE],
  'what cannot be parsed in a transaction': ['begin', NO_SQL, ONE, 'rollback', NAME_ALONE],
  'two texts in a transaction': [
    ONE,
    'begin',
    TWO,
    'set transaction isolation level serializable',
    NAME_ALONE,
    'rollback',
  ],
  'skipped in a transaction': ['begin', 'select 1/0', ONE, 'rollback', NAME_ALONE],
  'skipped in a transaction, and another text': ['begin', 'select 1/0', ONE, 'rollback', TWO, NAME_ALONE],
  'in a READ ONLY transaction that moves': ['begin read only', ONE, MOVES, NAME_ALONE, TWO, 'commit', NAME_ALONE],
  'on the primary, then anywhere': ['begin', ONE, 'commit', NAME_ALONE, TWO, NAME_ALONE],
  'anywhere, then on the primary': [ONE, 'begin', NAME_ALONE, 'commit', TWO, WRITES, NAME_ALONE],
}

async function play(client: Pick<pg.ClientBase, 'query'>, name: string, program: readonly Step[], awaited: boolean) {
  const answers: Promise<unknown>[] = []
  // What is given twice is the same object.
  const configs = new Map<Step, object>()
  const given = (step: object): object => {
    const config = configs.get(step) ?? { name, ...step }
    configs.set(step, config)
    return config
  }
  for (const step of program) {
    const config = typeof step === 'string' ? { text: step } : given(step)
    const answer = client.query(config as pg.QueryConfig).then(
      ({ command, rows }) => ({ command, rows }),
      (error: { readonly code?: unknown; readonly message: string }) => error.code ?? error.message,
    )
    answers.push(answer)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    if (awaited) await answer
  }
  return Promise.all(answers)
}

describe.each([
  { how: 'awaited', awaited: true },
  { how: 'not awaited', awaited: false },
])('$how', ({ how, awaited }) => {
  test.each(Object.entries(PROGRAMS))('%s', async (name, program) => {
    const alone = new pg.Client({ connectionString: world.url('nrt') })
    await alone.connect()
    const theirs = await play(alone, name, program, awaited)
    await alone.end()
    const client = await pool.connect()
    const ours = await play(client, `${how}: ${name}`, program, awaited)
    client.release()
    const named = (answer: unknown) => (typeof answer === 'string' ? answer.replace(`${how}: `, '') : answer)
    expect(ours.map(named)).toEqual(theirs)
  })
})

describe('a name whose statement has left the queue unsent', () => {
  const AHEAD = 'select pg_sleep(0.4)'
  const LIMITS: Readonly<Record<string, () => object>> = {
    'by its signal': () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('enough')), 50)
      return { signal: controller.signal }
    },
    'by query_timeout': () => ({ query_timeout: 50 }),
  }

  test.each(Object.entries(LIMITS))('%s means nothing by itself', async (how, limited) => {
    const client = await pool.connect()
    const told = (name: string, step: object): Promise<string> =>
      client.query({ name, ...step } as pg.QueryConfig).then(
        ({ rows }) => JSON.stringify(rows),
        (error: unknown) => String(error).replace(name, 'its name'),
      )
    const [name, never] = [`left ${how}`, `never given ${how}`]
    const ahead = client.query(AHEAD)
    const left = told(name, { ...ONE, ...limited() })
    const behind = told(name, {})
    expect(await left).toMatch(/enough|Query read timeout/)
    await ahead
    expect([await behind, await told(name, {})]).toEqual([await told(never, {}), await told(never, {})])
    client.release()
  })

  test('because its signal had been aborted before it was given means nothing by itself', async () => {
    const client = await pool.connect()
    const signal = AbortSignal.abort(new Error('enough'))
    const config = { name: 'aborted before', text: 'select 1 as n', signal }
    await expect(client.query(config)).rejects.toThrow('enough')
    expect((await client.query({ name: 'aborted before' } as pg.QueryConfig)).rows).toEqual([])
    client.release()
  })
})
