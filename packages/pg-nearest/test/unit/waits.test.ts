import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createServerListPoller } from '../../src/discovery/server-list-poller.ts'
import { redactPasswords } from '../../src/error-messages/redact-passwords.ts'
import { createPositionWatch } from '../../src/positions/position-watch.ts'
import { SilentError, withinTime } from '../../src/limits/stall-aware-timeout.ts'
import { createWriterWaiters } from '../../src/monitor/writer-waiters.ts'
import { serverState, topologyOf } from './server-state.ts'

describe('an answer within its time', () => {
  test('is passed on, well or not', async () => {
    await expect(withinTime(Promise.resolve(5), 1_000)).resolves.toBe(5)
    await expect(withinTime(Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no')
  })

  test('that does not come is a silence', async () => {
    await expect(withinTime(new Promise(() => undefined), 20)).rejects.toThrow(SilentError)
  })

  test('counts when this process was too busy to take it', async () => {
    const answer = new Promise((resolve) => {
      setTimeout(resolve, 60, 'there')
    })
    const taken = withinTime(answer, 40)
    const busyUntil = performance.now() + 300
    while (performance.now() < busyUntil);
    await expect(taken).resolves.toBe('there')
  })
})

test('a process that is always busy does not wait for ever', async () => {
  let stop = false
  const work = (): void => {
    const until = performance.now() + 200
    while (performance.now() < until);
    if (!stop) setImmediate(work)
  }
  setImmediate(work)
  await expect(withinTime(new Promise(() => undefined), 100)).rejects.toThrow(SilentError)
  stop = true
})

describe('waiting for somebody who takes writes', () => {
  const writer = (lastSeenAt: number) =>
    topologyOf([serverState({ name: 'nrt', declared: 'primary', role: 'primary', lastSeenAt })])
  const nobody = topologyOf([serverState({ name: 'ord' }), serverState({ name: 'syd' })])

  test('one who has said so since then is there at once; an older word is not enough', async () => {
    const waiters = createWriterWaiters()
    await expect(waiters.after(writer(10), 9, 1_000, undefined)).resolves.toBe(true)
    await expect(waiters.after(writer(10), 10, 10, undefined)).resolves.toBe(false)
    await expect(waiters.after(writer(10), 9, 0, undefined), 'no time is left').resolves.toBe(false)
  })

  test('all who wait are released by the first word', async () => {
    const waiters = createWriterWaiters()
    const waiting = Array.from({ length: 100 }, () => waiters.after(nobody, 5, 10_000, undefined))
    waiters.update(nobody)
    waiters.update(writer(6))
    await expect(Promise.all(waiting)).resolves.toEqual(Array.from({ length: 100 }, () => true))
  })

  test('an abort and the end of the pool end it', async () => {
    const waiters = createWriterWaiters()
    const controller = new AbortController()
    const aborted = waiters.after(nobody, 5, 10_000, controller.signal)
    controller.abort()
    await expect(aborted).resolves.toBe(false)
    await expect(waiters.after(nobody, 5, 10_000, AbortSignal.abort())).resolves.toBe(false)
    const ended = waiters.after(nobody, 5, 10_000, undefined)
    waiters.stop()
    await expect(ended).resolves.toBe(false)
    await expect(waiters.after(nobody, 5, 10_000, undefined)).resolves.toBe(false)
  })

  test('however many wait, a signal has one listener, and none in the end', async () => {
    const waiters = createWriterWaiters()
    const { signal } = new AbortController()
    const found = waiters.after(nobody, 5, 10_000, signal)
    const late = waiters.after(nobody, 5, 10, signal)
    const ended = waiters.after(nobody, 500, 10_000, signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await late
    waiters.update(writer(6))
    await found
    waiters.stop()
    await ended
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('waiting for a position', () => {
  test('ends when the server is forgotten or all is stopped, and begins anew', async () => {
    const asked: string[] = []
    const answers: ((lsn: bigint) => void)[] = []
    const watch = createPositionWatch({
      ask(server) {
        asked.push(server)
        return new Promise((resolve) => answers.push(resolve))
      },
    })
    const forgotten = watch.reached('ord', 5n, 10_000)
    watch.forget('ord')
    await expect(forgotten).resolves.toBe(false)
    const next = watch.reached('ord', 5n, 10_000)
    expect(asked).toEqual(['ord', 'ord'])
    answers[0]?.(9n)
    await new Promise((resolve) => setTimeout(resolve, 20))
    answers[1]?.(5n)
    await expect(next).resolves.toBe(true)
    const stopped = watch.reached('ord', 5n, 10_000)
    watch.stop()
    await expect(stopped).resolves.toBe(false)
    await expect(watch.reached('ord', 5n, 10_000)).resolves.toBe(false)
    expect(asked).toHaveLength(3)
  })
})

describe('the feed of servers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('asks at intervals, one question at a time, and sooner when there is trouble', async () => {
    let asked = 0
    const lists: number[] = []
    const feed = createServerListPoller({
      source: () => Promise.resolve(++asked),
      intervalMs: 10_000,
      onList: (list) => lists.push(list),
      onProblem: () => undefined,
    })
    feed.start()
    await vi.advanceTimersByTimeAsync(1)
    expect(lists).toEqual([1])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(lists).toEqual([1, 2])
    for (let i = 0; i < 5; i++) feed.pollSoon()
    await vi.advanceTimersByTimeAsync(300)
    expect(lists).toEqual([1, 2, 3])
    feed.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toBe(3)
  })

  test('a list may say when the next one is wanted, which holds after a problem, too', async () => {
    let asked = 0
    const feed = createServerListPoller({
      source: () => (++asked === 2 ? Promise.reject(new Error('no answer')) : Promise.resolve(asked)),
      intervalMs: 30_000,
      intervalOf: () => 1_000,
      onList: () => undefined,
      onProblem: () => undefined,
    })
    feed.start()
    await vi.advanceTimersByTimeAsync(2_001)
    expect(asked).toBe(3)
    feed.stop()
  })

  test('a question without an answer is given up, and the next one is asked', async () => {
    const problems: string[] = []
    let asked = 0
    const feed = createServerListPoller({
      source: () => (++asked === 1 ? new Promise<number>(() => undefined) : asked),
      intervalMs: 1_000,
      onList: () => undefined,
      onProblem: (problem) => problems.push(String(problem)),
    })
    feed.start()
    await vi.advanceTimersByTimeAsync(10_001)
    expect(problems.join()).toContain('did not answer within 10000 ms')
    await vi.advanceTimersByTimeAsync(1_001)
    expect(asked).toBe(2)
    feed.stop()
  })
})

test('what lists the servers is never called in the request that has the feed go on', async () => {
  const requests = new AsyncLocalStorage<string>()
  const seen = await new Promise((resolve) => {
    const feed = createServerListPoller({
      source: () => requests.getStore() ?? 'none',
      intervalMs: 60_000,
      onList: resolve,
      onProblem: resolve,
    })
    requests.run('a request', () => feed.start())
  })
  expect(seen).toBe('none')
})

test.each([
  ['no route to postgres://app:hush@nrt:5432/app', 'no route to postgres://…@nrt:5432/app'],
  ['postgresql://app:h%40sh@nrt/app and postgres://b:x@c/d', 'postgresql://…@nrt/app and postgres://…@c/d'],
  ['host=nrt password=hush user=app', 'host=nrt password=… user=app'],
  ['nothing to hide', 'nothing to hide'],
])('%s', (text, shown) => {
  expect(redactPasswords(text)).toBe(shown)
})
