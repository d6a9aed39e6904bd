import type pg from 'pg'
import { asking, until } from './fixtures.ts'

/** Resolves or rejects as the promise does, and rejects by itself when that takes too long: a hang is a failure. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} had not settled after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** As {@link within}, in another order and with a default. */
export function settled<T>(promise: PromiseLike<T>, what: string, withinMs = 5_000): Promise<T> {
  return within(withinMs, what, promise)
}

/** What a promise rejects with. Fails if it fulfils, or does not settle in time. */
export async function rejectionOf(promise: Promise<unknown>, what: string, withinMs?: number): Promise<unknown> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const ended = await settled(outcome, what, withinMs)
  if ('error' in ended) return ended.error
  throw new Error(`${what} was expected to fail, and fulfilled`)
}

/** The error that it rejects with, or `undefined`; too late is an error of the test. */
export function errorOf(ms: number, what: string, promise: PromiseLike<unknown>): Promise<unknown> {
  const error = promise.then(
    () => undefined,
    (reason: unknown) => reason ?? new Error('rejected without a reason'),
  )
  return within(ms, what, error)
}

/** How often each code occurred among the outcomes: `{ fulfilled: 3, '08007': 1 }`. */
export function tally(outcomes: readonly PromiseSettledResult<unknown>[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) {
    const key = outcome.status === 'fulfilled' ? 'fulfilled' : codeOf(outcome.reason)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return `not an error: ${typeof error}`
  return 'code' in error ? String(error.code) : error.message
}

/** What nobody caught, from now until `stop`. */
export function collectUncaught(): { readonly errors: readonly unknown[]; stop(): void } {
  const errors: unknown[] = []
  const note = (error: unknown): void => void errors.push(error)
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  return {
    errors,
    stop() {
      process.off('uncaughtException', note)
      process.off('unhandledRejection', note)
    },
  }
}

/** Waits until statements whose text begins like this run on the server. */
export async function running(url: string, start: string, count = 1): Promise<void> {
  await asking(url, (client) => runningOn(client, start, count))
}

/** Ends the connections on which statements that begin like this run, as an administrator would. */
export async function terminate(url: string, start: string): Promise<void> {
  await asking(url, async (client) => {
    await runningOn(client, start, 1)
    await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${runs(start)}`)
  })
}

async function runningOn(client: pg.Client, start: string, count: number): Promise<void> {
  const text = `select 1 from pg_stat_activity where ${runs(start)}`
  await until(async () => (await client.query(text)).rows.length >= count, `${count} × ${start}`)
}

const runs = (start: string): string =>
  `state = 'active' and pid <> pg_backend_pid() and query like '${start.replaceAll("'", "''")}%'`
