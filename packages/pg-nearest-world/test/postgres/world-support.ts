import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'

/** The value of a statement's first row, which it calls `value`; on a connection of its own. */
export async function ask<T>(url: string, text: string): Promise<T | undefined> {
  const client = await open(url)
  try {
    return await valueOf<T>(client, text)
  } finally {
    await client.end()
  }
}

export async function valueOf<T>(client: pg.Client, text: string): Promise<T | undefined> {
  return (await client.query<{ value: T }>(text)).rows[0]?.value
}

/** Connections that a test cuts off must not bring it down. */
export async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Resolves with the milliseconds that it took until this came true. */
export async function until(condition: () => Promise<boolean>, withinMs = 10_000): Promise<number> {
  const start = performance.now()
  for (;;) {
    if (await condition().catch(() => false)) return performance.now() - start
    if (performance.now() - start > withinMs) throw new Error(`it did not come true within ${withinMs} ms`)
    await sleep(2)
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** What one trip of a connection takes, as its user sees it. */
export async function roundTrips(client: pg.Client, count: number, pauseMs = 0): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    if (pauseMs > 0) await sleep(pauseMs)
    const start = performance.now()
    await client.query('select 1')
    taken.push(performance.now() - start)
  }
  return taken
}

/**
 * Asserts that these times are the ones asked for, within 5 % or 1 ms: none is shorter, the best is not longer. What a busy
 * machine adds to the others is not the link's doing, and must stay small; nor is what the server itself takes.
 */
export function expectTimes(taken: readonly number[], ms: number, serverMs = 0): void {
  const tolerance = Math.max(1, ms * 0.05)
  expect(Math.min(...taken)).toBeGreaterThan(ms - tolerance)
  expect(Math.min(...taken)).toBeLessThan(ms + tolerance + serverMs)
  expect(median(taken)).toBeLessThan(ms + tolerance + serverMs + 15)
}

/** Whether a promise is still open after some time. */
export function hangs(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return Promise.race([
    promise.then(
      () => false,
      () => false,
    ),
    sleep(ms, true),
  ])
}
