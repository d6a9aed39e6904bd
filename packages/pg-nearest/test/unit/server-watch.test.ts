import { describe, expect, test } from 'vitest'
import { createServerWatch, type ServerWatch } from '../../src/server-watch/server-watch.ts'
import type { SilenceLimits } from '../../src/server-watch/monitor-dependencies.ts'
import { SilentError } from '../../src/limits/stall-aware-timeout.ts'
import { observation } from './observation.ts'

const SILENT_MS = 1_200
const BOUND_SILENT_MS = 5_000

interface Question {
  readonly answer: () => void
  readonly fail: (error: unknown) => void
}

interface Watched {
  readonly watch: ServerWatch
  readonly questions: Question[]
  readonly givenUp: SilenceLimits[]
  readonly told: () => number
  /** Whether connections are dialled in vain. */
  readonly dialling: { inVain: boolean }
  /** Who wait for a connection. */
  readonly waiting: { callers: number }
  /** How often those who wait for one were sent elsewhere. */
  readonly moves: () => number
}

/** A server whose answers are given by hand. */
function watched(): Watched {
  const questions: Question[] = []
  const givenUp: SilenceLimits[] = []
  let answers = 0
  let moves = 0
  const dialling = { inVain: false }
  const waiting = { callers: 0 }
  const watch = createServerWatch({
    name: 'ord',
    supervised: {
      probe: {
        ask: () =>
          new Promise((resolve, reject) => {
            const sentAt = performance.now()
            questions.push({ answer: () => resolve(observation('replica', { sentAt })), fail: reject })
          }),
        position: () => Promise.resolve({ lsn: 7n, machine: 'a' }),
        renew: () => Promise.resolve(false),
        disconnect: () => undefined,
        close: () => questions.at(-1)?.fail(new Error('The probe was closed')),
      },
      connections: {
        generation: 1,
        total: 0,
        idle: 0,
        get inFlight() {
          return waiting.callers
        },
        leadsTo: () => false,
        waitingSince: () => undefined,
        get unanswered() {
          return dialling.inVain
        },
        moveWaiters: () => moves++,
        giveUp: (_now, limits) => givenUp.push(limits),
        drop: () => undefined,
        retire: () => undefined,
      },
    },
    intervalMs: 500,
    silentMs: SILENT_MS,
    boundSilentMs: BOUND_SILENT_MS,
    mayHaveMoved: () => false,
    renewalMs: () => 60_000,
    nextMs: () => 60_000,
    onAnswer: () => answers++,
    onFailure: () => undefined,
    onSilence: () => undefined,
  })
  return { watch, questions, givenUp, told: () => answers, dialling, waiting, moves: () => moves }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

test('it has something to watch while anybody waits for a connection, though none is open or being made', () => {
  const { watch, waiting } = watched()
  expect(watch.tick(performance.now(), 100)).toBe(false)
  waiting.callers = 1
  expect(watch.tick(performance.now(), 100)).toBe(true)
})

describe('a silent server', () => {
  test('what can run elsewhere is given up first, what cannot only after a longer silence of the server itself', async () => {
    const { watch, questions, givenUp } = watched()
    const asked = watch.ask()
    questions[0]?.fail(new SilentError(SILENT_MS))
    await asked
    for (let i = 0; i < 40; i++) watch.tick(performance.now(), 100)
    const bound = givenUp.map(({ boundMs }) => boundMs)
    expect(givenUp.every(({ movableMs }) => movableMs === SILENT_MS)).toBe(true)
    expect(bound).toHaveLength(41)
    expect(bound.filter((ms) => ms === Number.POSITIVE_INFINITY)).toHaveLength(38)
    // From then on nothing that has waited for as long as a probe does is kept.
    expect(bound.at(-1)).toBe(SILENT_MS)
  })

  test.each([
    { what: 'refuses', error: Object.assign(new Error('no slot'), { code: '53300', severity: 'FATAL' }) },
    { what: 'starts up', error: Object.assign(new Error('starting'), { code: '57P03', severity: 'FATAL' }) },
  ])('one that $what is alive: nothing is given up, or any more', async ({ error }) => {
    const { watch, questions, givenUp } = watched()
    questions.length = 0
    let asked = watch.ask()
    questions.at(-1)?.fail(error)
    await asked
    for (let i = 0; i < 100; i++) watch.tick(performance.now(), 100)
    expect(givenUp).toEqual([])
    asked = watch.ask()
    questions.at(-1)?.fail(new SilentError(SILENT_MS))
    await asked
    expect(givenUp).toHaveLength(1)
    asked = watch.ask()
    questions.at(-1)?.fail(error)
    await asked
    for (let i = 0; i < 100; i++) watch.tick(performance.now(), 100)
    expect(givenUp).toHaveLength(1)
  })

  test('is given up while it leaves the list, too, and nothing is told of it any more', async () => {
    const { watch, questions, givenUp, told } = watched()
    watch.start()
    watch.leave()
    questions[0]?.answer()
    await turn()
    expect(told()).toBe(0)
    const asked = watch.ask()
    questions.at(-1)?.fail(new SilentError(SILENT_MS))
    await asked
    expect(givenUp).toHaveLength(1)
    watch.end()
    expect(await watch.ask()).toBeUndefined()
  })

  test('word from elsewhere ends the silence', async () => {
    const { watch, questions, givenUp } = watched()
    const asked = watch.ask()
    questions[0]?.fail(new SilentError(SILENT_MS))
    await asked
    watch.heard()
    watch.tick(performance.now(), 100)
    expect(givenUp).toHaveLength(1)
  })
})

describe('a server that accepts no connection', () => {
  test('sends those who wait for one elsewhere as soon as it has been silent for as long as a probe may be', () => {
    const { watch, givenUp, dialling, moves } = watched()
    dialling.inVain = true
    for (let i = 0; i < 11; i++) watch.tick(performance.now(), 100)
    expect(moves()).toBe(0)
    for (let i = 0; i < 10; i++) watch.tick(performance.now(), 100)
    expect(moves(), 'and whoever comes after them, too').toBe(10)
    expect(givenUp, 'what is being made goes on').toEqual([])
  })

  test('begins anew once one is open, and time in which this process heard nothing does not count', () => {
    const { watch, dialling, moves } = watched()
    dialling.inVain = true
    for (let i = 0; i < 11; i++) watch.tick(performance.now(), 100)
    dialling.inVain = false
    watch.tick(performance.now(), 100)
    dialling.inVain = true
    for (let i = 0; i < 11; i++) watch.tick(performance.now() + 60_000, 100)
    expect(moves()).toBe(0)
  })
})

describe('a fresh answer', () => {
  test('is to a question sent after the call; all who come before it is sent share one', async () => {
    const { watch, questions } = watched()
    const early = watch.ask()
    await turn()
    const called = performance.now()
    const fresh = Array.from({ length: 1_000 }, () => watch.askNow())
    await turn()
    expect(questions).toHaveLength(1)
    questions[0]?.answer()
    expect((await early)?.sentAt).toBeLessThan(called)
    await turn()
    expect(questions).toHaveLength(2)
    const late = watch.askNow()
    questions[1]?.answer()
    for (const answer of await Promise.all(fresh)) expect(answer?.sentAt).toBeGreaterThan(called)
    await turn()
    expect(questions).toHaveLength(3)
    questions[2]?.answer()
    expect((await late)?.sentAt).toBeGreaterThan((await fresh[0])?.sentAt ?? Number.POSITIVE_INFINITY)
  })

  test('is none when the question fails, when the time for one is over, and when the watch ends', async () => {
    const { watch, questions, told } = watched()
    const failed = watch.askNow()
    questions[0]?.fail(new Error('no'))
    expect(await failed).toBeUndefined()
    const start = performance.now()
    expect(await watch.askNow()).toBeUndefined()
    expect(performance.now() - start).toBeGreaterThan(SILENT_MS - 50)
    const ended = watch.askNow()
    watch.end()
    expect(await ended).toBeUndefined()
    expect(await watch.askNow()).toBeUndefined()
    expect(await watch.position()).toBeUndefined()
    expect(questions).toHaveLength(2)
    expect(told()).toBe(0)
  })
})
