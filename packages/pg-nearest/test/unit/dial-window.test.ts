import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DialWindow, type Login, type LoginEnd } from '../../src/connecting/dial-window.ts'

const TIMEOUT_MS = 500
const LONG_MS = 2 * TIMEOUT_MS

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const ENDS: Readonly<Record<string, LoginEnd>> = { '+': 'taken', '-': 'late', '?': 'untold' }

/** `+-?`: three logins that begin together; the server takes the first, is late with the second, and the third tells nothing. `~`: a long time. */
test.each<[happens: string, room: number]>([
  ['', Infinity],
  ['+', Infinity],
  ['----------', 5],
  ['---------- -----', 2],
  ['---------- ----- --', 1],
  ['---------- ----- -- -', 1],
  // One alone keeps no server busy.
  ['-', Infinity],
  ['- - -', Infinity],
  ['---', 1],
  ['??????????', Infinity],
  ['---------- ??', 5],
  ['---------- +', 6],
  ['---------- ++', 7],
  ['-- + --', 1],
  // Fewer than it lets began, and the server did not take even those.
  ['---------- + ----', 2],
  // Those that the server took meanwhile it can take again.
  ['+++++++---', 7],
  ['+---------', 4],
  ['---------- +++---', 3],
  ['---------- ++++-', 9],
  // What it was late with is over.
  ['---------- ~', Infinity],
  ['---------- ----- -- ~ ----', 2],
])('%j: as many as %d', (happens, room) => {
  const window = new DialWindow(TIMEOUT_MS)
  for (const round of happens.split(' ')) {
    if (round === '~') {
      vi.advanceTimersByTime(LONG_MS)
      continue
    }
    expect(window.room).toBeGreaterThanOrEqual(1)
    const logins = round.split('').map((each): [Login, LoginEnd] => [window.begin(), ENDS[each] ?? 'untold'])
    vi.advanceTimersByTime(TIMEOUT_MS)
    for (const [login, how] of logins) login.end(how)
  }
  expect(window.room).toBe(room)
})

test('what began before it shrank says nothing new, and what began afterwards does', () => {
  const window = new DialWindow(TIMEOUT_MS)
  const begin = (count: number): Login[] => Array.from({ length: count }, () => window.begin())
  const [first, ...others] = begin(9)
  vi.advanceTimersByTime(100)
  const [second] = begin(1)
  vi.advanceTimersByTime(TIMEOUT_MS - 100)
  first?.end('late')
  vi.advanceTimersByTime(100)
  second?.end('late')
  for (const each of others) each.end('untold')
  expect(window.room).toBe(5)
  const [third, ...beside] = begin(5)
  vi.advanceTimersByTime(TIMEOUT_MS)
  third?.end('late')
  for (const each of beside) each.end('untold')
  expect(window.room).toBe(2)
})

test('tells how many others were taken meanwhile', () => {
  const window = new DialWindow(TIMEOUT_MS)
  window.begin().end('taken')
  const login = window.begin()
  window.begin().end('taken')
  window.begin().end('late')
  expect(login.takenMeanwhile).toBe(1)
})

test('one may begin whenever none is under way', () => {
  const ends = fc.array(fc.constantFrom<LoginEnd>('taken', 'late', 'untold'), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.array(ends), (rounds) => {
      const window = new DialWindow(TIMEOUT_MS)
      for (const round of rounds) {
        const logins = round.slice(0, window.room).map((how): [Login, LoginEnd] => [window.begin(), how])
        vi.advanceTimersByTime(1)
        for (const [login, how] of logins) login.end(how)
        expect(window.room).toBeGreaterThanOrEqual(1)
      }
    }),
  )
})
