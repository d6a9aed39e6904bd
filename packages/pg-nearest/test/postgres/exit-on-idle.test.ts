import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { within } from './settling.ts'

/** With `allowExitOnIdle` what is idle keeps no process alive, and everything that is waited for does. */
const BOUND_MS = 20_000

let world: World
beforeAll(async () => {
  // Closing a connection takes a round trip.
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 200 })
})
afterAll(() => world.stop())

/**
 * How a process ends that runs this with a pool that has one connection, and that is idle; and how long that takes from then on. With one
 * database nothing is probed, which keeps a process alive for a moment.
 */
async function run(work: string, options: object = {}): Promise<{ said: string; code: unknown; ms: number }> {
  const given = { primary: world.url('nrt', { from: 'ord' }), max: 1, allowExitOnIdle: true, ...options }
  const script = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { createPool } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    const pool = createPool(${JSON.stringify(given)})
    await pool.query('select 1')
    console.log('idle')
    ${work}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let since = 0
  child.stdout.once('data', () => (since = performance.now()))
  try {
    const ended = Promise.all([text(child.stdout), once(child, 'exit')])
    const [said, [code]] = await within(BOUND_MS, 'the process', ended)
    return { said: said.replace('idle\n', '').trim(), code, ms: performance.now() - since }
  } finally {
    child.kill()
  }
}

test('what comes behind end() runs', async () => {
  expect(await run("await pool.end(); console.log('after')")).toMatchObject({ said: 'after', code: 0 })
})

test('what comes behind destroy() runs', async () => {
  expect(await run("await pool.destroy(); console.log('after')")).toMatchObject({ said: 'after', code: 0 })
})

const ASK = "console.log((await pool.query('select 1 as n')).rows[0].n)"

test.each([
  { of: 'its idle time-out', work: `await sleep(120); ${ASK}`, options: { idleTimeoutMillis: 100 } },
  { of: 'its lifetime', work: `await sleep(900); ${ASK}`, options: { maxLifetimeSeconds: 1 } },
])('a query that waits until a connection is closed for the sake of $of is answered', async ({ work, options }) => {
  expect(await run(work, options)).toMatchObject({ said: '1', code: 0 })
})

test('the process ends at once when nothing but idle connections is left', async () => {
  const { code, ms } = await run('')
  expect(code).toBe(0)
  expect(ms).toBeLessThan(3_000)
})
