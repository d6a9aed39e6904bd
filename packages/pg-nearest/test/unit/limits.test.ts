import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Lease } from '../../src/pooled-connection/lease.ts'
import { runWithinAsync } from '../../src/send/run-with-cancellation.ts'
import { onAbort } from '../../src/limits/on-abort.ts'
import { withinDeadline } from '../../src/limits/within-deadline.ts'
import { pause, sleep } from '../../src/limits/retry-backoff.ts'
import { errorOf } from './error-of.ts'

const reason = new Error('enough')

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

describe('waiting for a signal', () => {
  test('however many wait, there is one listener; and none when nobody does', () => {
    const { signal } = new AbortController()
    const forget = Array.from({ length: 100 }, () => onAbort(signal, () => undefined))
    expect(listeners(signal)).toBe(1)
    for (const each of forget) each()
    expect(listeners(signal)).toBe(0)
    onAbort(signal, () => undefined)
    expect(listeners(signal), 'and one again').toBe(1)
  })

  test('all are called, once, in the order of coming', () => {
    const controller = new AbortController()
    const called: number[] = []
    for (const i of [1, 2, 3]) onAbort(controller.signal, () => called.push(i))
    controller.abort()
    controller.abort()
    expect(called).toEqual([1, 2, 3])
    expect(listeners(controller.signal)).toBe(0)
  })

  test('whoever was taken back is not called, also by one that is', () => {
    const controller = new AbortController()
    const called: number[] = []
    onAbort(controller.signal, () => {
      called.push(1)
      forget()
      forget()
    })
    const forget = onAbort(controller.signal, () => called.push(2))
    controller.abort()
    expect(called).toEqual([1])
  })

  test('the same function may wait twice', () => {
    const controller = new AbortController()
    const callback = vi.fn<() => void>()
    const forget = onAbort(controller.signal, callback)
    onAbort(controller.signal, callback)
    forget()
    forget()
    controller.abort()
    expect(callback).toHaveBeenCalledTimes(1)
  })
})

describe('work within a time', () => {
  const untilAborted = (signal: AbortSignal | undefined): Promise<never> =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

  test('without one is given the caller’s own signal', async () => {
    const { signal } = new AbortController()
    await expect(withinDeadline({ signal }, (given) => Promise.resolve(given === signal))).resolves.toBe(true)
    await expect(withinDeadline({}, (given) => Promise.resolve(given))).resolves.toBeUndefined()
  })

  test('is told when the time is over', async () => {
    const outcome = errorOf(withinDeadline({ timeoutMs: 100 }, untilAborted))
    vi.advanceTimersByTime(100)
    expect(await outcome).toMatchObject({ code: 'NEAREST_TIMEOUT' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    {
      whose: 'pool',
      waitingFor: 'for a connection to nrt',
      says: /^The time of this call was over while it waited for a connection to nrt: timeoutMs of the pool is 100 ms/,
    },
    {
      whose: 'call',
      waitingFor: 'for an answer of ord',
      says: /^The time of this call was over while it waited for an answer of ord: timeoutMs of the call is 100 ms/,
    },
    {
      whose: 'transaction',
      waitingFor: undefined,
      says: /^The time of this transaction was over: timeoutMs of the transaction is 100 ms, .* It is rolled back;/,
    },
  ] as const)('says whose it was, and what was waited for: $whose', async ({ whose, waitingFor, says }) => {
    const outcome = errorOf(withinDeadline({ timeoutMs: 100 }, untilAborted, { whose, waitingFor: () => waitingFor }))
    vi.advanceTimersByTime(100)
    expect(await outcome).toMatchObject({ message: expect.stringMatching(says) })
  })

  test('is told of the caller’s abort, with its reason', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const outcome = errorOf(withinDeadline({ signal, timeoutMs: 100 }, untilAborted))
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(signal)).toBe(0)
  })

  test('is told at once of one that was before', async () => {
    const signal = AbortSignal.abort(reason)
    const given = withinDeadline({ signal, timeoutMs: 100 }, (own) => Promise.resolve(own?.reason as unknown))
    await expect(given).resolves.toBe(reason)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['succeeds', () => Promise.resolve(1)],
    ['fails', () => Promise.reject(reason)],
    [
      'throws',
      () => {
        throw reason
      },
    ],
  ])('leaves nothing behind when it %s', async (_, work) => {
    const { signal } = new AbortController()
    await withinDeadline({ signal, timeoutMs: 100 }, work).catch(() => undefined)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(signal)).toBe(0)
  })
})

describe('a pause', () => {
  test('there is none before the first round', async () => {
    await pause(1, undefined)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is never longer than a quarter of a second', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    for (const [round, ms] of [
      [2, 20],
      [3, 40],
      [6, 250],
      [1_000, 250],
    ] as const) {
      const over = vi.fn<() => void>()
      void pause(round, undefined).then(over)
      await vi.advanceTimersByTimeAsync(ms - 1)
      expect(over, `round ${round}`).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(1)
      expect(over, `round ${round}`).toHaveBeenCalled()
    }
    vi.restoreAllMocks()
  })

  test('ends with the signal, and leaves nothing behind', async () => {
    const controller = new AbortController()
    const slept = sleep(1_000, controller.signal)
    controller.abort()
    await slept
    await sleep(1_000, controller.signal)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(controller.signal)).toBe(0)
  })
})

test('what ends before it has begun leaves neither a timer nor a listener', async () => {
  const { signal } = new AbortController()
  const lost = { kind: 'unsent', error: reason } as const
  const ended = runWithinAsync({} as Lease, { signal, timeoutMs: 5_000 }, (onEnd) => onEnd(lost), undefined)
  expect(await ended).toBe(lost)
  expect(listeners(signal)).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})
