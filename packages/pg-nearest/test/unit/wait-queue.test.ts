import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SHARES, WaitQueue, type Waiter } from '../../src/checkout/wait-queue.ts'
import { errorOf } from './error-of.ts'

const late = new Error('late')
const gone = new Error('gone')
const timedOut = (): Error => late

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function first(queue: WaitQueue<string>): Waiter<string> {
  if (queue.first === undefined) throw new Error('nobody waits')
  return queue.first
}

describe('whoever waits for a connection', () => {
  test('is served in the order of coming', async () => {
    const queue = new WaitQueue<string>()
    const waiting = ['a', 'b', 'c'].map(() => queue.wait({ purpose: 'statement' }, undefined, timedOut, undefined))
    for (const name of ['a', 'b', 'c']) first(queue).give(name)
    expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c'])
    expect(queue.first).toBeUndefined()
  })

  test('is out of the queue in the turn in which it is served', async () => {
    const queue = new WaitQueue<string>()
    const waiting = queue.wait({ purpose: 'client' }, undefined, timedOut, undefined)
    expect([...queue].map(({ purpose }) => purpose)).toEqual(['client'])
    first(queue).give('a')
    expect(queue.size).toBe(0)
    await expect(waiting).resolves.toBe('a')
  })

  test('waits for as long as it wants to, and no longer', async () => {
    const queue = new WaitQueue<string>()
    const outcome = errorOf(queue.wait({ purpose: 'statement' }, 50, timedOut, undefined))
    vi.advanceTimersByTime(49)
    expect(queue.size).toBe(1)
    vi.advanceTimersByTime(1)
    expect(queue.size).toBe(0)
    expect(await outcome).toBe(late)
  })

  test('leaves when its signal is aborted, with the signal’s reason', async () => {
    const queue = new WaitQueue<string>()
    const controller = new AbortController()
    const outcome = errorOf(queue.wait({ purpose: 'statement' }, 50, timedOut, controller.signal))
    controller.abort(gone)
    expect(queue.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(await outcome).toBe(gone)
  })

  test.each<[most: number, sinceMs: number, refused: string]>([
    [1, Infinity, 'a'],
    // More connections than there may be, for a moment.
    [-1, Infinity, 'a'],
    [2, Infinity, 'ab'],
    [9, Infinity, 'abcd'],
    [9, 10, 'ab'],
    [9, 20, 'abc'],
    [2, 20, 'ab'],
    // It was not for those who came later.
    [9, -1, ''],
  ])('is refused if he is among the first %i, and came until %i ms: %s', async (most, sinceMs, refused) => {
    const queue = new WaitQueue<string>()
    const began = performance.now()
    const outcomes = ['a', 'b', 'c', 'd'].map((name) => {
      const outcome = queue.wait({ purpose: 'statement' }, undefined, timedOut, undefined).catch(() => name)
      vi.advanceTimersByTime(10)
      return outcome
    })
    queue.refuseFirst(gone, most, began + sinceMs)
    for (const waiter of queue) waiter.give('')
    expect((await Promise.all(outcomes)).join('')).toBe(refused)
  })

  test('is refused with all others', async () => {
    const queue = new WaitQueue<string>()
    const outcomes = Array.from({ length: 3 }, () =>
      errorOf(queue.wait({ purpose: 'statement' }, 50, timedOut, undefined)),
    )
    queue.refuseAll(gone)
    expect(queue.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(await Promise.all(outcomes)).toEqual([gone, gone, gone])
  })

  test('is not served any more once it has left', async () => {
    const queue = new WaitQueue<string>()
    const controller = new AbortController()
    const outcome = errorOf(queue.wait({ purpose: 'statement' }, 50, timedOut, controller.signal))
    const waiter = first(queue)
    controller.abort(gone)
    waiter.give('a')
    waiter.refuse(late)
    expect(await outcome).toBe(gone)
  })

  test('shares one instead as long as there is room, in the order of coming, and is asked once', async () => {
    const queue = new WaitQueue<string>()
    const asked: string[] = []
    const wait = (name: string, shares: boolean): Promise<unknown> => {
      const share = (): boolean => asked.push(name) > 0 && shares
      return errorOf(queue.wait({ purpose: 'statement', share }, undefined, timedOut, undefined))
    }
    const outcomes = [wait('a', true), wait('b', false), wait('c', true), wait('d', true)]
    const alone = queue.wait({ purpose: 'client' }, undefined, timedOut, undefined)
    expect([0, 1].map((coming) => queue.sharers(coming))).toEqual(['first', 'all'])
    for (let round = 0; round < 2; round++) queue.share(() => asked.length < 3, 1)
    expect(asked).toEqual(['a', 'b', 'c'])
    expect([1, 2].map((coming) => queue.sharers(coming))).toEqual(['nobody', 'all'])
    queue.refuseAll(gone)
    expect(queue.sharers(0)).toBe('all')
    await expect(alone).rejects.toBe(gone)
    expect(await Promise.all(outcomes)).toEqual([SHARES, gone, SHARES, gone])
  })

  test('shares past one who needs his own only if he may be passed', () => {
    const queue = new WaitQueue<string>()
    for (const share of [() => true, undefined, () => true]) {
      void errorOf(queue.wait({ purpose: 'statement', share }, undefined, timedOut, undefined))
    }
    expect(queue.sharers(0)).toBe('first')
    queue.share(() => true, 0)
    expect([queue.size, queue.sharers(0)]).toEqual([2, 'nobody'])
    queue.share(() => true, 1)
    expect([queue.size, queue.sharers(0)]).toEqual([1, 'nobody'])
  })
})

type Deed = 'wait' | 'give' | 'refuse' | 'abort' | 'pass' | 'refuse all'
const anyDeeds = fc.array(
  fc.tuple(fc.constantFrom<Deed>('wait', 'wait', 'wait', 'give', 'refuse', 'abort', 'pass', 'refuse all'), fc.nat(20)),
  { maxLength: 40 },
)

test('whatever happens, each is settled once, in order, and leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(anyDeeds, async (deeds) => {
      const queue = new WaitQueue<number>()
      const shared = new AbortController()
      const controllers = [shared, new AbortController(), new AbortController()]
      const settled: string[] = []
      const waiting: Promise<void>[] = []
      let model: { readonly id: number; readonly until: number; readonly of: AbortController | undefined }[] = []
      const expected: string[] = []
      let now = 0
      const leave = (which: (each: (typeof model)[number]) => boolean, how: string): void => {
        for (const each of model.filter(which)) expected.push(`${each.id} ${how}`)
        model = model.filter((each) => !which(each))
      }
      for (const [deed, n] of deeds) {
        const [oldest] = model
        switch (deed) {
          case 'wait': {
            const id = waiting.length
            const timeoutMs = n % 2 === 0 ? undefined : n
            const of = controllers[n % 4]
            if (of?.signal.aborted) break
            model.push({ id, until: now + (timeoutMs ?? Infinity), of })
            waiting.push(
              queue.wait({ purpose: 'statement' }, timeoutMs, timedOut, of?.signal).then(
                () => void settled.push(`${id} given`),
                (error: unknown) => void settled.push(`${id} ${error === late ? 'late' : 'gone'}`),
              ),
            )
            break
          }
          case 'give':
            queue.first?.give(n)
            leave((each) => each === oldest, 'given')
            break
          case 'refuse':
            queue.first?.refuse(gone)
            leave((each) => each === oldest, 'gone')
            break
          case 'abort': {
            const of = controllers[n % 3]
            of?.abort(gone)
            leave((each) => each.of === of, 'gone')
            break
          }
          case 'pass':
            now += n
            vi.advanceTimersByTime(n)
            leave(({ until }) => until <= now, 'late')
            break
          case 'refuse all':
            queue.refuseAll(gone)
            leave(() => true, 'gone')
            break
        }
        expect(queue.size).toBe(model.length)
      }
      queue.refuseAll(gone)
      leave(() => true, 'gone')
      await Promise.all(waiting)
      expect(settled.toSorted()).toEqual(expected.toSorted())
      expect(vi.getTimerCount()).toBe(0)
      for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
    }),
    { numRuns: 1_000 },
  )
})
