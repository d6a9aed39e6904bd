import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { worldFixture } from 'pg-nearest-world/testing'
import { openNotes } from '../notes.js'

// Two processes of the app, in the region of the replica.
let one
let other
const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'] }, { before, after }, async (world) => {
  ;[one, other] = [0, 1].map(() => openNotes(world.poolOptions('ord')))
  await one.pool.query('create table notes (text text)')
})
after(() => Promise.all([one, other].map(({ pool }) => pool.end())))

void test('a user sees in the next request what they have saved', async () => {
  await fixture.whileLagging(async () => {
    const bookmark = await one.save('Buy milk')
    assert.deepEqual(await other.list(bookmark), ['Buy milk'])
  })
})

void test('an app that forgets the bookmark does not show it, each time', async () => {
  await fixture.whileLagging(async () => {
    await one.save('Call Ada')
    assert.ok(!(await other.list(undefined)).includes('Call Ada'))
  })
})
