import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Purpose } from '../../src/checkout/wait-queue.ts'
import type { Harness, ModelOptions } from './harness.ts'
import type { Holding, Way } from './holding.ts'

type Nothing = Record<string, never>

/** Something that is done, or that befalls. Nobody waits for what comes of it: that shows in what holds, or does not. */
class Command implements fc.AsyncCommand<Nothing, Harness> {
  readonly #name: string
  readonly #run: (harness: Harness) => unknown

  constructor(name: string, run: (harness: Harness) => unknown) {
    this.#name = name
    this.#run = run
  }

  check(): boolean {
    return true
  }

  async run(_: Nothing, harness: Harness): Promise<void> {
    await this.#run(harness)
    await harness.check()
    if (harness.violations.length > 0) throw new Error(harness.violations.join('; '))
  }

  toString(): string {
    return this.#name
  }
}

const command = (name: string, run: (harness: Harness) => unknown): Command => new Command(name, run)
const always = (name: string, run: (harness: Harness) => unknown): fc.Arbitrary<Command> =>
  fc.constant(name).map((each) => command(each, run))

const which = fc.nat(7)
const purpose = fc.constantFrom<Purpose>('statement', 'client')
const way = fc.constantFrom<Way>('simple', 'simple', 'extended', 'named', 'group', 'questioned', 'question', 'foreign')
const TEXTS = 'echo,echo,echo,,fail,begin,commit,rollback,sleep 5,sleep 30,hang,die,cut,half'
const text = fc.constantFrom(...TEXTS.split(','))

function on(harness: Harness, at: number, run: (holding: Holding) => void): void {
  const holding = harness.held[at % Math.max(1, harness.held.length)]
  if (holding !== undefined) run(holding)
}

function befalls(
  harness: Harness,
  at: number,
  run: (session: { cut(): void; reset(): void } & Interjecting) => void,
): void {
  const sessions = [...harness.server.sessions]
  const session = sessions[at % Math.max(1, sessions.length)]
  if (session === undefined) return
  harness.cut(2)
  run(session)
}

type Unasked = 'row' | 'notice' | 'fatal' | 'error'
interface Interjecting {
  interject(what: Unasked): void
}

const users: fc.Arbitrary<Command>[] = [
  purpose.map((of) => command(`take(${of})`, (h) => h.take(of))),
  ...[1, 2, 3].map(() =>
    fc
      .tuple(purpose, fc.boolean())
      .map(([of, abortable]) => command(`acquire(${of}, ${abortable})`, (h) => h.acquire(of, abortable))),
  ),
  ...[1, 2, 3].map(() =>
    fc
      .tuple(which, text, way)
      .map(([at, what, how]) =>
        command(`send(${at}, '${what}', ${how})`, (h) => on(h, at, (each) => each.send(what, how))),
      ),
  ),
  ...[1, 2].map(() =>
    fc
      .tuple(which, fc.nat(3))
      .map(([at, n]) => command(`release(${at}, ${n === 0})`, (h) => on(h, at, (each) => h.release(each, n === 0)))),
  ),
  which.map((at) => command(`cancel(${at})`, (h) => on(h, at, (each) => each.cancel()))),
  which.map((at) => command(`abort(${at})`, (h) => h.abort(at))),
  ...[1, 2].map(() => fc.constantFrom(1, 5, 15, 40).map((ms) => command(`pass(${ms})`, () => sleep(ms)))),
]

const faults: fc.Arbitrary<Command>[] = [
  which.map((at) => command(`cut(${at})`, (h) => befalls(h, at, (session) => session.cut()))),
  which.map((at) => command(`reset(${at})`, (h) => befalls(h, at, (session) => session.reset()))),
  fc
    .tuple(which, fc.constantFrom<Unasked>('row', 'notice', 'fatal', 'error'))
    .map(([at, what]) =>
      command(`unasked(${at}, ${what})`, (h) => befalls(h, at, (session) => session.interject(what))),
    ),
  always('fall silent', (h) => h.server.fallSilent()),
  fc.constantFrom('no-slot' as const, 'silence' as const).map((how) =>
    command(`greet with ${how}`, (h) => {
      h.server.greeting = how
    }),
  ),
  always('stop listening', (h) => h.server.stopListening()),
  always('be slow', (h) => {
    h.server.delayMs = 4
  }),
  ...[1, 2, 3].map(() => always('heal', (h) => h.server.heal())),
  fc
    .tuple(fc.constantFrom(0, 20, 200), fc.constantFrom(0, 20, Infinity))
    .map(([movable, bound]) => command(`give up(${movable}, ${bound})`, (h) => h.giveUp(movable, bound))),
  always('drop', (h) => h.drop()),
]

const ends: fc.Arbitrary<Command>[] = [always('end', (h) => h.end()), always('destroy', (h) => h.destroy())]

export const anyOptions: fc.Arbitrary<ModelOptions> = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  min: fc.constantFrom(0, 0, 1),
  idleTimeoutMs: fc.constantFrom(0, 0, 20),
  waitMs: fc.constantFrom(0, 60),
  maxUses: fc.constantFrom(Infinity, Infinity, 2),
  together: fc.boolean(),
  hook: fc.constantFrom('none', 'none', 'none', 'slow', 'fails at times'),
  verify: fc.constantFrom('none', 'none', 'none', 'slow', 'fails at times'),
})

/** Mostly users; and once in a while it is all over in the middle of things. */
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 70, arbitrary: fc.oneof(...users) },
  { weight: 30, arbitrary: fc.oneof(...faults) },
  { weight: 1, arbitrary: fc.oneof(...ends) },
)

export const anyCommands: fc.Arbitrary<Iterable<fc.AsyncCommand<Nothing, Harness>>> = fc.commands<
  Nothing,
  Harness,
  false
>([anyCommand], { maxCommands: 25, size: 'max' })
