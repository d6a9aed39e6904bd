import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { worldFixture } from 'pg-nearest-world/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'

const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'], rtt: 10 }, { before: beforeAll, after: afterAll })
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
