import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { World } from 'pg-nearest-world'
import { worldFixture } from 'pg-nearest-world/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'

const hooks = { before: beforeAll, after: afterAll }
const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'], rtt: 10 }, hooks, async (world) => {
  await using pool = createPool(world.poolOptions('nrt'))
  await pool.query('create table prepared (n int); insert into prepared select generate_series(1, 10000)')
})
beforeEach(async () => {
  await using pool = createPool(fixture.world.poolOptions('ord'))
  await pool.query('drop table if exists saved; create table saved (name text)')
  await pool.replicated()
})

/** Two requests of one user, which reach two processes of the app. */
async function saveAndLook(carries: boolean, name = 'Ada'): Promise<number> {
  await using first = createPool(fixture.world.poolOptions('ord'))
  await using second = createPool(fixture.world.poolOptions('ord'))
  const bookmark = await first.session(undefined, async () => {
    await first.query('insert into saved values ($1)', [name])
    return first.bookmark()
  })
  const { rows } = await second.session(carries ? bookmark : undefined, () =>
    second.query('select name from saved where name = $1', [name]),
  )
  return rows.length
}

test('every replica shows what was prepared before the first test begins', async () => {
  await using pool = createPool(fixture.world.poolOptions('ord'))
  expect((await pool.replica().query('select count(*)::int as n from prepared')).rows).toEqual([{ n: 10_000 }])
})

test('what the preparation throws fails the hook, and leaves no world behind', async () => {
  const failure = new Error('failed')
  let started: World | undefined
  const before: (() => Promise<void>)[] = []
  const failing = worldFixture(
    { primary: 'nrt' },
    { before: (work) => before.push(work), after: () => undefined },
    (world) => {
      started = world
      throw failure
    },
  )
  await expect(before[0]?.()).rejects.toBe(failure)
  expect(() => failing.world).toThrow('There is no world here')
  await expect(started?.kill('nrt')).rejects.toMatchObject({ name: 'WorldError' })
})

test('an app that forgets the session does not see what it saved, each time', async () => {
  for (const name of ['Ada', 'Grace', 'Edsger'])
    expect(await fixture.whileLagging(() => saveAndLook(false, name))).toBe(0)
})

test('one that carries it on does, and what was planted is over behind it', async () => {
  expect(await fixture.whileLagging(() => saveAndLook(true))).toBe(1)
  await using pool = createPool(fixture.world.poolOptions('ord'))
  expect((await pool.replica().query('select name from saved')).rows.length).toBe(1)
})

test('what the work throws comes out, and the replica goes on', async () => {
  const failure = new Error('failed')
  await expect(fixture.whileLagging(() => Promise.reject(failure))).rejects.toBe(failure)
  expect((await fixture.world.status()).some(({ replayPaused }) => replayPaused)).toBe(false)
})

test('the same with the runner of Node', async () => {
  const file = fileURLToPath(new URL('../node-test/forgotten-session.mjs', import.meta.url))
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { env })
  expect(stdout).toMatch(/^# pass 2$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})
