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

/** Reads by key, one after the other. */
export function userReader(): (pool: pg.Pool) => Promise<pg.QueryResult> {
  let id = 0
  return (pool) => pool.query(READ, [1 + (id++ % USERS)])
}
