import { test } from 'vitest'
import { readByMangled } from '../postgres/mangled-bookmarks.ts'

test('10,000 mangled bookmarks break nothing, give no stale answer, and are not waited for', async () => {
  await readByMangled(10_000)
}, 180_000)
