import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createPool } from 'pg-nearest'
import { worldFixture } from 'pg-nearest-world/testing'

const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'], rtt: 10 }, { before, after }, async (world) => {
  const pool = createPool(world.poolOptions('nrt'))
  await pool.query('create table saved (name text)')
  await pool.end()
})

void test('a request that does not carry the session misses what was written, while the replica is late', async () => {
  const [one, other] = [0, 1].map(() => createPool(fixture.world.poolOptions('ord')))
  const found = await fixture.whileLagging(async () => {
    await one.query("insert into saved values ('Ada')")
    const { rows } = await other.session(undefined, () => other.query('select name from saved'))
    return rows
  })
  assert.deepEqual(found, [])
  await Promise.all([one.end(), other.end()])
})

void test('once it is over, it is there', async () => {
  const pool = createPool(fixture.world.poolOptions('ord'))
  assert.deepEqual((await pool.replica().query('select name from saved')).rows, [{ name: 'Ada' }])
  await pool.end()
})
