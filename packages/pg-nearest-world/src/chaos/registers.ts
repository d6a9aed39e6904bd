import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from '../world-types.ts'

const PATIENCE_MS = 15_000

/** Makes the registers 1 to `count`, if there are none yet, and waits until every replica has them. */
export async function createRegisters(world: World, count: number): Promise<void> {
  await ask(
    world.url(world.primary),
    `create table if not exists registers (id int primary key, version int not null) with (fillfactor = 50);
     insert into registers select id, 0 from generate_series(1, ${count}) id on conflict do nothing;
     create or replace function bump(register int) returns table (id int, version int) language sql volatile
       as 'update registers set version = version + 1 where id = register returning id, version';`,
  )
  const end = performance.now() + PATIENCE_MS
  for (const region of world.regions) {
    const ready = `select to_regproc('bump') is not null
      and (select count(*) from pg_class where relname = 'registers') = 1 as yes`
    while ((await ask(world.url(region), ready))[0]?.['yes'] !== true) {
      if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS} ms for the registers in ${region}`)
      await sleep(10)
    }
  }
}

const READ_ONE = 'select id, version from registers where id = $1'
const READ_SOME = 'select id, version from registers where id = any ($1::int[])'

export function readOf(registers: readonly number[]): { text: string; values: unknown[] } {
  return registers.length === 1 ? { text: READ_ONE, values: [registers[0]] } : { text: READ_SOME, values: [registers] }
}

/** A plain write, one inside of a query, and one that no reader of the text can tell from a read. */
export const WRITES = [
  'update registers set version = version + 1 where id = $1 returning id, version',
  'with made as (update registers set version = version + 1 where id = $1 returning id, version) select * from made',
  'select id, version from bump($1)',
] as const

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(text)
    return rows
  } finally {
    await client.end()
  }
}
