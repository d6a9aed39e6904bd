import { worldFixture } from 'pg-nearest-world/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openNotes } from '../notes.js'

// Two processes of the app, in the region of the replica.
let one
let other
const fixture = worldFixture(
  { primary: 'nrt', replicas: ['ord'] },
  { before: beforeAll, after: afterAll },
  async (world) => {
    ;[one, other] = [0, 1].map(() => openNotes(world.poolOptions('ord')))
    await one.pool.query('create table notes (text text)')
  },
)
afterAll(() => Promise.all([one, other].map(({ pool }) => pool.end())))

test('a user sees in the next request what they have saved', async () => {
  await fixture.whileLagging(async () => {
    const bookmark = await one.save('Buy milk')
    expect(await other.list(bookmark)).toEqual(['Buy milk'])
  })
})

test('an app that forgets the bookmark does not show it, each time', async () => {
  await fixture.whileLagging(async () => {
    await one.save('Call Ada')
    expect(await other.list(undefined)).not.toContain('Call Ada')
  })
})
