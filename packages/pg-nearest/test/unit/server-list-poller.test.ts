import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createServerListPoller } from '../../src/discovery/server-list-poller.ts'

const INTERVAL_MS = 30_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Polls whose answers are given by hand. */
function polled() {
  const answers: ((list: string) => void)[] = []
  const lists: string[] = []
  const poller = createServerListPoller<string>({
    source: () => new Promise((resolve) => answers.push(resolve)),
    intervalMs: INTERVAL_MS,
    onList: (list) => lists.push(list),
    onProblem: () => undefined,
  })
  return { poller, answers, lists }
}

test('what is wished for while a poll is under way is done behind it', async () => {
  const { poller, answers, lists } = polled()
  poller.start()
  await vi.advanceTimersByTimeAsync(1)
  poller.pollSoon()
  poller.pollSoon()
  answers[0]?.('of before')
  await vi.advanceTimersByTimeAsync(250)
  expect([lists, answers.length]).toEqual([['of before'], 2])
  answers[1]?.('of now')
  await vi.advanceTimersByTimeAsync(INTERVAL_MS - 1)
  expect([lists.at(-1), answers.length], 'once').toEqual(['of now', 2])
  poller.stop()
})

test('so is a start', async () => {
  const { poller, answers } = polled()
  poller.start()
  await vi.advanceTimersByTimeAsync(1)
  poller.pause()
  poller.start()
  answers[0]?.('of before')
  await vi.advanceTimersByTimeAsync(1)
  expect(answers).toHaveLength(2)
  poller.stop()
})

test('wishes that come again and again do not put a poll off', async () => {
  const { poller, answers } = polled()
  poller.start()
  await vi.advanceTimersByTimeAsync(1)
  answers[0]?.('of before')
  await vi.advanceTimersByTimeAsync(1)
  for (let ms = 0; ms < 300; ms += 50) {
    poller.pollSoon()
    await vi.advanceTimersByTimeAsync(50)
  }
  expect(answers).toHaveLength(2)
  poller.stop()
})
