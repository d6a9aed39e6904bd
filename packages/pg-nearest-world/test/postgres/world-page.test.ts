import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'

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

test('whoever acts without looking finds the apps at work', async () => {
  const token = /name="page-token" content="([^"]+)"/.exec(await (await fetch(page.url)).text())?.[1] ?? ''
  const { status } = await fetch(`${page.url}act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-page-token': token },
    body: JSON.stringify({ do: 'cross', from: 'nrt', to: 'nrt', text: 'hello' }),
  })
  expect(status).toBe(204)
  const { rows } = await client.query('select body from notes')
  expect(rows).toEqual([{ body: 'hello' }])
})
