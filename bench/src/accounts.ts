import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Servers } from './contenders/contender.ts'

/** A table with so many rows on the primary, and on all replicas. */
export async function createAccounts({ primary, replicas }: Servers, count: number): Promise<void> {
  await withClient(primary, (client) =>
    client.query(
      `create table accounts (id int primary key, balance int not null);
       insert into accounts select n, 0 from generate_series(1, ${count}) as n`,
    ),
  )
  for (const replica of replicas) await withClient(replica, untilThere)
}

async function untilThere(client: pg.Client): Promise<void> {
  const { rows } = await client.query("select to_regclass('accounts') is not null as there")
  if (rows[0]?.['there'] === true) return
  await sleep(20)
  await untilThere(client)
}

async function withClient(connectionString: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
