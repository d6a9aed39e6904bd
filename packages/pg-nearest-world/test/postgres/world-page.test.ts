import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

let world: World
let page: RunningPage
let client: pg.Client

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
  page = await startPage(world, { port: 0, restAfterMs: 300 })
  client = new pg.Client({ connectionString: world.url('nrt') })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await page?.close()
  await world?.stop()
})

async function deeds(): Promise<number> {
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from deeds')
  return rows[0]?.count ?? 0
}

/** Looks at the page until the returned function is called. */
async function look(): Promise<() => void> {
  const gone = new AbortController()
  const response = await fetch(`${page.url}events`, { signal: gone.signal })
  await response.body?.getReader().read()
  return () => gone.abort()
}

test('the apps rest soon after the last one has looked away, and work again for the next one', async () => {
  for (let round = 0; round < 2; round++) {
    const away = await look()
    const before = await deeds()
    await vi.waitUntil(async () => (await deeds()) > before, { timeout: 10_000 })
    away()
    await sleep(1_500)
    const rested = await deeds()
    await sleep(2_500)
    expect(await deeds()).toBe(rested)
    const { rows } = await client.query("select from pg_stat_activity where application_name like 'page %'")
    expect(rows, 'connections of apps that rest').toHaveLength(0)
  }
})

async function tokenOfPage(): Promise<string> {
  return /name="page-token" content="([^"]+)"/.exec(await (await fetch(page.url)).text())?.[1] ?? ''
}

test('whoever acts without looking finds the apps at work', async () => {
  const token = await tokenOfPage()
  const { status } = await fetch(`${page.url}act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-page-token': token },
    body: JSON.stringify({ do: 'cross', from: 'nrt', to: 'nrt', text: 'hello' }),
  })
  expect(status).toBe(204)
  const { rows } = await client.query('select body from notes')
  expect(rows).toEqual([{ body: 'hello' }])
})

test('two hundred attackers change nothing, and its apps do not notice', async () => {
  const { host, port } = new URL(page.url)
  const token = await tokenOfPage()
  const act = (headers: Record<string, string>, body: string): Promise<number | string> =>
    new Promise((resolve) => {
      const asked = request(
        `${page.url}act`,
        { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
        (response) => resolve(response.resume().statusCode ?? 0),
      )
      asked.on('error', () => resolve('cut off')).end(body)
    })
  const neverEnding = (): Promise<number | string> =>
    new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1')
      const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20)
      socket.on('error', () => undefined)
      socket.on('data', (answer: Buffer) => resolve(Number(answer.toString().split(' ')[1])))
      socket.on('close', () => {
        clearInterval(drip)
        resolve('cut off')
      })
      socket.write(
        `POST /act HTTP/1.1\r\nHost: ${host}\r\nX-Page-Token: ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      )
    })
  const kill = JSON.stringify({ do: 'kill', region: 'nrt' })
  const attacks = [
    () => act({}, kill),
    () => act({ 'x-page-token': 'guessed' }, kill),
    () => act({ 'x-page-token': token, host: 'evil.example' }, kill),
    () => act({ 'x-page-token': token, origin: 'http://evil.example' }, kill),
    () => act({ 'x-page-token': token, 'content-type': 'text/plain' }, kill),
    () => act({ 'x-page-token': token }, JSON.stringify({ do: 'kill', region: 'nrt', more: 'x'.repeat(100_000) })),
    neverEnding,
  ]
  const away = await look()
  const before = await deeds()
  const outcomes = await Promise.all(Array.from({ length: 200 }, (_, i) => attacks[i % attacks.length]?.()))
  expect(outcomes.filter((outcome) => outcome !== 'cut off' && Number(outcome) < 400)).toEqual([])
  await vi.waitUntil(async () => (await deeds()) > before, { timeout: 10_000 })
  const gone = new AbortController()
  const response = await fetch(`${page.url}events`, { signal: gone.signal })
  const first = Buffer.from((await response.body?.getReader().read())?.value ?? []).toString()
  gone.abort()
  away()
  expect(first).toMatch(/"told":\[\]/)
  expect(first).toMatch(/"readsFailed":0,"writesLost":0,"writesDoubled":0,"sessionsBack":0/)
  expect(world.isUp('nrt')).toBe(true)
})

test('ends with its world, though nobody looks', async () => {
  await client.end()
  await sleep(1_000)
  await world.stop()
  await vi.waitUntil(
    () =>
      fetch(page.url).then(
        () => false,
        () => true,
      ),
    { timeout: 5_000 },
  )
})
