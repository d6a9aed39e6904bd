import { expect, test } from 'vitest'
import { nextWait, type Wait } from '../../src/exchange/limit-wait.ts'
import type { Progress } from '../../src/wire/exchange.ts'

const [first, second] = [{ sent: 1 }, { sent: 2 }]
const waits: Progress = { of: first, moved: 10, isUsers: false }
const users: Progress = { ...waits, isUsers: true }
const elsewhere: Progress = { of: second, moved: 70, isUsers: false }

interface Row {
  readonly name: string
  readonly last: Wait['last']
  readonly seen: Wait['last']
  /** So long have its server and its user been waited for then, where either was for 80 ms. */
  readonly server: number
  readonly user: number
}
const ROWS: readonly Row[] = [
  { name: 'for its turn', last: undefined, seen: undefined, server: 120, user: 0 },
  { name: 'and is sent', last: undefined, seen: waits, server: 120, user: 0 },
  { name: 'and is sent again', last: waits, seen: elsewhere, server: 120, user: 0 },
  { name: 'for its server', last: waits, seen: waits, server: 120, user: 0 },
  { name: 'and is answered', last: { ...waits, moved: 5 }, seen: waits, server: 0, user: 0 },
  { name: 'for its user', last: users, seen: users, server: 0, user: 120 },
  { name: 'for its user, who has gone on', last: { ...users, moved: 5 }, seen: users, server: 0, user: 0 },
  { name: 'for its user as soon as it is sent', last: undefined, seen: users, server: 0, user: 0 },
  { name: 'behind one that waited for its user', last: users, seen: { ...users, of: second }, server: 0, user: 0 },
]

test.each(ROWS)('it waits $name', ({ last, seen, server, user }) => {
  expect(nextWait({ ms: 80, last }, 'server', seen, 40)).toEqual({ ms: server, last: seen })
  expect(nextWait({ ms: 80, last }, 'user', seen, 40)).toEqual({ ms: user, last: seen })
})
