import { expect, test } from 'vitest'
import { nextWait, type Seen, type Wait } from '../../src/submittable/wait-for-server.ts'

const unsent = { moved: undefined, isUsers: false }
const waits = { moved: 10, isUsers: false }

const ROWS: readonly { name: string; wait: Wait; seen: Seen; next: Wait }[] = [
  { name: 'for its turn', wait: { ms: 0, moved: undefined }, seen: unsent, next: { ms: 40, moved: undefined } },
  { name: 'and is sent', wait: { ms: 40, moved: undefined }, seen: waits, next: { ms: 80, moved: 10 } },
  { name: 'for its server', wait: { ms: 80, moved: 10 }, seen: waits, next: { ms: 120, moved: 10 } },
  { name: 'and is answered', wait: { ms: 80, moved: 5 }, seen: waits, next: { ms: 0, moved: 10 } },
  { name: 'for its user', wait: { ms: 80, moved: 10 }, seen: { ...waits, isUsers: true }, next: { ms: 0, moved: 10 } },
  {
    name: 'for its user as soon as it is sent',
    wait: { ms: 80, moved: undefined },
    seen: { ...waits, isUsers: true },
    next: { ms: 0, moved: 10 },
  },
]

test.each(ROWS)('it waits $name', ({ wait, seen, next }) => {
  expect(nextWait(wait, seen, 40)).toEqual(next)
})
