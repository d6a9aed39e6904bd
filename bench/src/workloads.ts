import type pg from 'pg'
import type { Reader, Row, User } from './readers/reader.ts'

/** One thing that a caller does again and again. It fails when it is given another's row. */
export type Call = (reader: Reader) => Promise<void>

const USERS = 1_000
const TABLES = 8
const TEXTS = 20
const WRITES = 0.1

/** A read by key, of one text. */
export function byKey(): Call {
  let next = 0
  return async (reader) => {
    const id = 1 + (next++ % USERS)
    mustBe(id, await reader.user(id))
  }
}

/** Any of twenty texts over eight tables; `writes` of a hundred are writes by key. */
export function ofMany(writes: 0 | 10): Call {
  return async (reader) => {
    const { query } = reader
    if (query === undefined) throw new TypeError(`${reader.name} takes no texts.`)
    const id = 1 + Math.floor(Math.random() * USERS)
    if (writes > 0 && Math.random() < WRITES) {
      await query(`update ${tableOf(id)} set age = $2 where id = $1`, [id, id % 90])
      return
    }
    const i = Math.floor(Math.random() * TEXTS)
    const [row] = await query(textOf(i), [id])
    if (row?.['text'] !== i) throw new Error(`Text ${i} was asked, and not ${JSON.stringify(row)}`)
    mustBe(id, row)
  }
}

/** One read that is slow: by its own text, or by a value with the text of the fast ones. */
export type Slowness = 'none' | 'text' | 'value'

const SLOW_MS = 50
const SLOW_SHARE = 0.05
/** About 50 ms; the planner cannot know it. */
const SLOW = `select id, name, age from users where id = $1 and (select count(*) from generate_series(1, $2::int)) >= 0`

/** Says of each whether it was a fast one. */
export function withSlowOnes(slowness: Slowness, slowSteps: number): (reader: Reader) => Promise<boolean> {
  let next = 0
  return async (reader) => {
    const { query } = reader
    if (query === undefined) throw new TypeError(`${reader.name} takes no texts.`)
    const id = 1 + (next++ % USERS)
    const isSlow = slowness !== 'none' && Math.random() < SLOW_SHARE
    if (slowness === 'value') mustBe(id, (await query(SLOW, [id, isSlow ? slowSteps : 1]))[0])
    else if (isSlow) await query('select pg_catalog.pg_sleep($1)', [SLOW_MS / 1_000])
    else mustBe(id, await reader.user(id))
    return !isSlow
  }
}

/** How far a server here counts in about 50 ms. */
export async function stepsOfSlow(pool: Pick<pg.Pool, 'query'>): Promise<number> {
  const steps = 200_000
  const begun = performance.now()
  await pool.query(SLOW, [1, steps])
  return Math.ceil((steps * SLOW_MS) / (performance.now() - begun))
}

/** What they are asked of, beside the table of users. */
export async function createTables(pool: Pick<pg.Pool, 'query'>): Promise<void> {
  for (let i = 0; i < TABLES; i++) {
    await pool.query(
      `create table ${tableOf(i)} as select id, name, age from users; alter table ${tableOf(i)} add primary key (id)`,
    )
  }
}

function tableOf(i: number): string {
  return `users_${i % TABLES}`
}

function textOf(i: number): string {
  const where = i % 4 === 3 ? 'between $1 and $1 + 20 order by id' : '= $1'
  return `select id, name, age, ${i} as text from ${tableOf(i)} where id ${where}`
}

function mustBe(id: number, row: User | Row | undefined): void {
  if (row?.['id' as keyof typeof row] !== id)
    throw new Error(`User ${id} was asked for, and not ${JSON.stringify(row)}`)
}
