import type pg from 'pg'
import { bounded } from './bounded.ts'
import { describeError, type Outcome } from './describe.ts'
import { isStatement, type Program, type ReleaseOperation, type Step } from './operation.ts'
import { perform, type Client } from './perform.ts'
import { statusOf, type Side } from './side.ts'
import type { Strays } from './strays.ts'

/** What could be seen at a moment when nothing was under way. */
export interface Rest {
  readonly status: string | null
  readonly notices: number
  readonly notifications: number
}

/** All that the user of the clients got to see. The keys are the numbers of steps. */
export interface Transcript {
  readonly outcomes: ReadonlyMap<number, Outcome>
  /** In this order. */
  readonly settled: readonly number[]
  /** After each step that was awaited. */
  readonly rests: ReadonlyMap<number, Rest>
  readonly notices: readonly unknown[]
  readonly notifications: readonly unknown[]
  /** What nobody caught. */
  readonly strays: readonly unknown[]
  /** The first step that did not end in its time; what is behind it was not played. */
  readonly hung?: number | undefined
}

export interface PlayOptions {
  readonly side: Side
  readonly strays: Strays
  /** How long one operation may take. */
  readonly boundMs: number
  /** What the other side saw: what may come a little later is waited for. */
  readonly expected?: Transcript
}

class Hung extends Error {
  readonly step: number

  constructor(step: number) {
    super(`Step ${step} did not end.`)
    this.step = step
  }
}

/** Plays a program on one borrowed client after another. */
export async function play(program: Program, { side, strays, boundMs, expected }: PlayOptions): Promise<Transcript> {
  const outcomes = new Map<number, Outcome>()
  const settled: number[] = []
  const rests = new Map<number, Rest>()
  const heard = { notices: [] as unknown[], notifications: [] as unknown[] }
  const thrown: unknown[] = []
  let pending = new Map<number, Promise<void>>()
  let hung: number | undefined

  const inTime = async <T>(work: Promise<T>, step: number): Promise<T> => {
    const done = await bounded(work, boundMs)
    if (done === undefined) throw new Hung([...pending.keys()].find((each) => !outcomes.has(each)) ?? step)
    return done.value
  }
  const given = (client: Client, { operation }: Step, i: number): void => {
    if (!isStatement(operation)) return
    const done = perform(client, operation).then((outcome) => {
      outcomes.set(i, outcome)
      settled.push(i)
    })
    pending.set(i, done)
  }
  const rest = async (client: Client, i: number): Promise<void> => {
    const failed = outcomes.get(i)?.['error'] !== undefined
    if (failed) await side.known(client, expected?.rests.get(i)?.status)
    const { notices, notifications } = heard
    rests.set(i, { status: statusOf(client), notices: notices.length, notifications: notifications.length })
  }
  const release = async (client: Client, { close, waits }: ReleaseOperation, i: number): Promise<void> => {
    const all = Promise.all(pending.values())
    if (waits) await inTime(Promise.all([all, side.done(client)]), i)
    const released = inTime(side.release(client, close, all), i)
    await inTime(all, i)
    await released
    pending = new Map()
  }

  let client: Client | undefined
  let stopListening = (): void => undefined
  try {
    for (const [i, step] of program.entries()) {
      if (client === undefined) {
        client = await inTime(side.borrow(), i)
        stopListening = listen(client, heard)
      }
      const { operation, then } = step
      if (operation.kind === 'release') {
        await release(client, operation, i)
        stopListening()
        client = undefined
        continue
      }
      if (operation.kind === 'catch-up') {
        await inTime(side.catchUp(), i)
        continue
      }
      given(client, step, i)
      if (then === 'tick') await new Promise((resolve) => setImmediate(resolve))
      if (then !== 'await') continue
      await inTime(pending.get(i) ?? Promise.resolve(), i)
      await rest(client, i)
    }
  } catch (error) {
    if (error instanceof Hung) hung = error.step
    else thrown.push(describeError(error))
  }
  stopListening()
  thrown.push(...(await strays.take()))
  return { outcomes, settled, rests, ...heard, strays: thrown, hung }
}

type Notice = Partial<Record<'severity' | 'code' | 'message', string | undefined>>

function listen(client: Client, heard: { notices: unknown[]; notifications: unknown[] }): () => void {
  const onNotice = ({ severity, code, message }: Notice): void => {
    heard.notices.push({ severity, code, message })
  }
  const onNotification = ({ channel, payload }: pg.Notification): void => {
    heard.notifications.push({ channel, payload })
  }
  client.on('notice', onNotice)
  client.on('notification', onNotification)
  return () => {
    client.removeListener('notice', onNotice)
    client.removeListener('notification', onNotification)
  }
}
