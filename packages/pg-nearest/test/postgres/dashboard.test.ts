import { once } from 'node:events'
import { createServer, get, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { initialDashboard, reduceDashboard, type DashboardEvent, type DashboardState } from 'pg-nearest-page'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboard, type Dashboard } from '../../src/dashboard/index.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, until, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
let shown: Dashboard
let server: Server
let url: string

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
  await caughtUp(world, pool)
  shown = await dashboard(pool)
  // As Express does: the page is mounted at /ops/.
  server = createServer((asked, response) => {
    asked.url = asked.url?.replace(/^\/ops/, '')
    shown.handle(asked, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ops/`
})
afterAll(async () => {
  shown.close()
  server.close()
  server.closeAllConnections()
  await pool.destroy()
  await world.stop()
})

interface Watching {
  readonly text: () => string
  readonly state: () => DashboardState
  close(): void
}

/** As the page does. */
async function look(): Promise<Watching> {
  const [response] = (await once(get(`${url}events`), 'response')) as [IncomingMessage]
  let text = ''
  response.on('data', (chunk: Buffer) => (text += chunk.toString()))
  response.on('error', () => undefined)
  const events = (): DashboardEvent[] =>
    text.split('\n\n').flatMap((message) => {
      const data = /^data: (.*)$/m.exec(message)?.[1]
      return data === undefined ? [] : (JSON.parse(data) as DashboardEvent[])
    })
  return {
    text: () => text,
    state: () => events().reduce(reduceDashboard, initialDashboard),
    close: () => response.destroy(),
  }
}

const listeners = (): number => pool.listenerCount('query')

test('counts statements while somebody looks, and nothing else', async () => {
  expect(listeners()).toBe(0)
  const watching = await look()
  expect(listeners()).toBe(1)
  await pool.query('select name from users where name = $1', ['a secret of Ada'])
  await pool.query('update users set age = age where id = 1')
  await expect(pool.query('select 1 / 0')).rejects.toThrow('division')
  await until(() => watching.state().seconds.some(({ failed }) => failed === 1), 'the second to be told')
  const { reasons, servers, region } = watching.state()
  expect(reasons).toEqual({ 'own-region': 1, write: 1 })
  expect(region).toBe('ord')
  expect(servers.map(({ name, role, readFrom, writeTo }) => [name, role, readFrom, writeTo])).toEqual([
    ['nrt', 'primary', false, true],
    ['ord', 'replica', true, false],
  ])
  expect(watching.text(), 'no SQL, no value, no address').not.toMatch(/select|update|secret|postgres:|127\.0\.0\.1/)
  watching.close()
  await until(() => listeners() === 0, 'the last one to have gone')
})

test('only shows: no request changes anything, and no other page is let in', async () => {
  const status = async (method: string, path: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const asked = request(`${url}${path}`, { method, headers })
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  expect(await status('GET', '')).toBe(200)
  expect(await status('GET', 'browser/dashboard.js')).toBe(200)
  expect(await status('GET', 'browser/world.js'), 'of the other page').toBe(404)
  expect(await status('POST', 'act', { 'content-type': 'application/json' })).toBe(405)
  expect(await status('GET', 'events', { origin: 'http://evil.example' })).toBe(403)
  expect(await status('GET', 'events', { 'sec-fetch-site': 'cross-site' })).toBe(403)
})

test('keeps the problems and promotions of when nobody looked', async () => {
  await world.promote('ord')
  await until(() => pool.status().servers.some(({ name, writeTo }) => name === 'ord' && writeTo), 'the promotion')
  const watching = await look()
  const said = (): string[] => watching.state().told.map(({ text }) => text)
  await until(() => said().includes('Writes go to ord now, and went to nrt before.'), 'the promotion to be told')
  watching.close()
})

test('a closed one leaves nothing on the pool', async () => {
  const before = pool.listenerCount('problem')
  const other = await dashboard(pool)
  expect(pool.listenerCount('problem')).toBe(before + 1)
  other.close()
  expect(pool.listenerCount('problem')).toBe(before)
})
