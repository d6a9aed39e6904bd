import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** What has failed on the primary may have committed a part of it before: it is never sent again, and its session sees that part. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table done (part text);
     create procedure in_parts(mode text) language plpgsql as $$
     begin
       insert into done values ('first');
       commit;
       execute mode;
       insert into done values ('second');
     end $$`,
  )
  await caughtUp(world)
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
})
afterAll(async () => {
  await pool?.destroy()
  await world?.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate done')
  await caughtUp(world, pool)
})
afterEach(() => world.resumeReplay('ord'))

const READ_ONLY = 'set transaction read only'
const TEXTS = [
  [
    'several statements',
    "insert into done values ('first'); commit; begin read only; insert into done values ('second')",
  ],
  [
    'its own BEGIN',
    "begin; insert into done values ('first'); commit; begin read only; insert into done values ('second')",
  ],
  ['CALL', `call in_parts('${READ_ONLY}')`],
  ['a commented CALL', `/* nightly */ call in_parts('${READ_ONLY}')`],
  ['DO', `do $$ begin call in_parts('${READ_ONLY}'); end $$`],
] as const

async function onClient(run: (client: RoutedClient) => Promise<unknown>): Promise<unknown> {
  const client = await pool.connect()
  try {
    return await run(client)
  } finally {
    client.release(true)
  }
}

const WAYS: readonly [string, (text: string) => Promise<unknown>][] = [
  ['the pool', (text) => pool.query(text)],
  ['the primary', (text) => pool.primary.query(text)],
  ['a borrowed client', (text) => onClient((client) => client.query(text))],
  [
    'a borrowed client that has read',
    (text) => onClient((client) => client.query('select 1').then(() => client.query(text))),
  ],
]

describe.each(TEXTS)('%s that is refused as read-only behind a COMMIT', (_, text) => {
  test.each(WAYS)('runs once through %s', async (__, run) => {
    const error = (await rejectionOf(run(text), 'the text')) as Error
    expect(error.cause ?? error).toBeInstanceOf(pg.DatabaseError)
    expect(error.cause ?? error).toMatchObject({ code: '25006' })
    expect(await ask(world.url('nrt'), 'select part from done')).toEqual([{ part: 'first' }])
  })
})

test.each([
  ['several statements', "insert into done values ('first'); commit; select 1 / 0"],
  ['CALL', "call in_parts('select 1 / 0')"],
])('a session sees what %s had committed before it failed', async (_, text) => {
  const session = pool.session()
  await session.query('select 1')
  await world.pauseReplay('ord')
  expect(await rejectionOf(session.query(text), 'the text')).toMatchObject({ code: '22012' })
  const { rows } = await settled(session.query('select part from done'), 'the read')
  expect(rows).toEqual([{ part: 'first' }])
})
