import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { NearestPool } from 'pg-nearest'

const READ = 'select id, name, age from users where id = $1'
const USERS = 1_000

/** A table to read by key, and everything that is known of it arrived on the replica. */
export async function createUsers(ours: NearestPool, replica: pg.Pool): Promise<void> {
  await ours.query(
    `create table users (id int primary key, name text not null, age int);
     insert into users select n, 'user ' || n, n % 90 from generate_series(1, ${USERS}) as n`,
  )
  for (;;) {
    const { rows } = await replica.query("select to_regclass('users') is not null as there")
    if (rows[0]?.['there'] === true) break
    await sleep(20)
  }
  await ours.refresh()
}

/** Reads by key, one after the other; with a name by a statement that is prepared. Fails for another user's row. */
export function userReader(): (pool: Pick<pg.Pool, 'query'>, name?: string) => Promise<void> {
  let next = 0
  return async (pool, name) => {
    const id = 1 + (next++ % USERS)
    const { rows } = await (name === undefined
      ? pool.query(READ, [id])
      : pool.query({ name, text: READ, values: [id] }))
    if (rows[0]?.['id'] !== id) throw new Error(`User ${id} was asked for, and not ${JSON.stringify(rows)}`)
  }
}
