import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createPool } from 'pg-nearest'
import { worldFixture } from 'pg-nearest-world/testing'

const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'], rtt: 10 }, { before, after }, async (world) => {
  const pool = createPool(world.poolOptions('nrt'))
  await pool.query('create table saved (name text)')
  await pool.end()
})

void test('a read through another pool misses what was written, while the replica is late', async () => {
  const [one, other] = [0, 1].map(() => createPool(fixture.world.poolOptions('ord')))
  const rows = await fixture.whileLagging(async () => {
    await one.query("insert into saved values ('Ada')")
    return (await other.query('select name from saved')).rows
  })
  assert.deepEqual(rows, [])
  await Promise.all([one.end(), other.end()])
})

void test('once it is over, it is there', async () => {
  const pool = createPool(fixture.world.poolOptions('ord'))
  assert.deepEqual((await pool.replica().query('select name from saved')).rows, [{ name: 'Ada' }])
  await pool.end()
})
