import pg from 'pg'
import { afterEach, expect, test, vi } from 'vitest'
import { asItself, listeningUserOf } from '../../src/pg-client/listening-user.ts'

/** How long a listener of the pool's events counts as one, by what it has returned. */
afterEach(() => {
  vi.restoreAllMocks()
})
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

function listening(client: pg.Client, returned: readonly unknown[]): () => boolean {
  let listens = (): boolean => false
  asItself(client, () => {
    const user = listeningUserOf(client)
    listens = () => user?.listens === true
    return returned
  })
  return listens
}

test('a listener that returns nothing is one in its own turn', async () => {
  const listens = listening(new pg.Client(), [])
  expect(listens()).toBe(true)
  await turn()
  expect(listens()).toBe(false)
})

test('one whose promise settles is one until then', async () => {
  let settle: () => void = () => undefined
  const listens = listening(new pg.Client(), [new Promise<void>((resolve) => (settle = resolve))])
  await turn()
  expect(listens()).toBe(true)
  settle()
  await turn()
  expect(listens()).toBe(false)
})

const rejecting = Promise.reject(new Error('no'))
rejecting.catch(() => undefined)
class Named extends Promise<unknown> {}
test.each([
  [[new Promise(() => undefined)], true],
  [[Named.resolve(), new Named(() => undefined)], true],
  [[Object.assign(new Promise(() => undefined), { more: 1 })], true],
  [[Promise.resolve()], false],
  [[Promise.resolve('<pending>'), Named.resolve({ '<pending>': 1 })], false],
  [[rejecting], false],
  [[Object.create(Promise.prototype), new Proxy(new Promise(() => undefined), {})], false],
])('what it has returned is looked at, and not touched: case %#', async (returned: readonly unknown[], expected) => {
  const listens = listening(new pg.Client(), returned)
  await turn()
  expect(listens()).toBe(expected)
})

test('one whose promise never settles is one for 10 seconds', async () => {
  const begin = performance.now()
  const listens = listening(new pg.Client(), [new Promise(() => undefined)])
  await turn()
  const now = vi.spyOn(performance, 'now')
  now.mockReturnValue(begin + 9_000)
  expect(listens()).toBe(true)
  now.mockReturnValue(begin + 11_000)
  expect(listens()).toBe(false)
})

test('whoever asks of another client is no listener', () => {
  const other = new pg.Client()
  asItself(new pg.Client(), () => {
    expect(listeningUserOf(other)).toBeUndefined()
  })
})
