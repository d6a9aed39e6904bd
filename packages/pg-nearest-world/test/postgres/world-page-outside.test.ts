import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import type { WorldEvent, WorldState } from 'pg-nearest-page'
import { initialWorld, reduceWorld } from 'pg-nearest-page'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

const SOON = { timeout: 30_000, interval: 50 }

let world: World
let page: RunningPage
let token: string

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
  page = await startPage(world, { port: 0, restAfterMs: 300 })
  token = /name="page-token" content="([^"]+)"/.exec(await (await fetch(page.url)).text())?.[1] ?? ''
})
afterAll(async () => {
  await page?.close()
  await world?.stop()
})

interface Looking {
  readonly state: WorldState
  /** When the page has ended. */
  readonly ended: Promise<void>
  away(): void
}

async function look(): Promise<Looking> {
  const gone = new AbortController()
  const { body } = await fetch(`${page.url}events`, { signal: gone.signal })
  if (body === null) throw new Error('There are no events.')
  let state: WorldState = initialWorld({ primary: '', version: '', places: [], candidates: [], app: undefined })
  const follow = async (): Promise<void> => {
    let text = ''
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1]
        const events: readonly WorldEvent[] = data === undefined ? [] : JSON.parse(data)
        state = events.reduce(reduceWorld, state)
      }
    }
  }
  const ended = follow().catch(() => undefined)
  return {
    get state() {
      return state
    },
    ended,
    away: () => gone.abort(),
  }
}

async function act(action: object): Promise<{ status: number; why: string }> {
  const response = await fetch(`${page.url}act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-page-token': token },
    body: JSON.stringify(action),
  })
  return { status: response.status, why: await response.text() }
}

async function ask<T extends object>(text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: world.url(world.primary, { as: 'superuser' }) })
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}

test('a region that joins while nobody looks gets its app when somebody does', async () => {
  expect(await act({ do: 'add', region: 'fra' })).toMatchObject({ status: 204 })
  await sleep(2_000)
  expect(await ask("select from pg_stat_activity where application_name like 'page %'")).toHaveLength(0)
})

test('two changes at once are one after the other, and no write is taken for lost', async () => {
  const looking = await look()
  await vi.waitUntil(() => Object.keys(looking.state.reading).length === 4, SOON)
  const both = await Promise.all([act({ do: 'promote', region: 'ord' }), act({ do: 'promote', region: 'syd' })])
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409])
  expect(both.map(({ why }) => why).join('')).toMatch(/^Promoting \w+ has not ended yet: wait for that\.$/)
  looking.away()
})

test('whoever promotes a server that is down is told why that cannot be', async () => {
  const dead = ['ord', 'syd'].find((region) => region !== world.primary) ?? ''
  await world.kill(dead)
  expect(await act({ do: 'promote', region: dead })).toEqual({
    status: 409,
    why: expect.stringMatching(/^The server in \w+ is down: start it before\.$/),
  })
  await world.start(dead)
})

test('goes on counting when a server is promoted from outside, and a region added', async () => {
  const looking = await look()
  await vi.waitUntil(() => Object.keys(looking.state.reading).length === 4, SOON)
  await world.promote('nrt')
  await world.addRegion('ams')
  await vi.waitUntil(() => looking.state.reading['ams'] === 'ams', SOON)
  const { writes } = looking.state.counters
  await vi.waitUntil(() => looking.state.counters.writes > writes + 3, SOON)
  await ask('insert into deeds select max(id) from deeds')
  await vi.waitUntil(() => looking.state.counters.writesDoubled === 1, SOON)
  expect(looking.state.counters.writesLost).toBe(0)
  looking.away()
})

test('when another server has taken the place of a dead primary, the replicas that are left are soon read next door again', async () => {
  const looking = await look()
  await vi.waitUntil(() => Object.keys(looking.state.reading).length === 5, SOON)
  await world.kill(world.primary)
  expect(await act({ do: 'promote', region: 'ams' })).toMatchObject({ status: 204 })
  const left = world.regions.filter((region) => world.isUp(region))
  expect(left).toHaveLength(4)
  // Until then it may be told how it was.
  await sleep(3_000)
  const readNextDoor = (): boolean => left.every((region) => looking.state.reading[region] === region)
  await vi.waitUntil(readNextDoor, { ...SOON, timeout: 10_000 })
  looking.away()
})

test('counts at once the reads that fail because every server is dead', async () => {
  const looking = await look()
  await Promise.all(world.regions.filter((region) => world.isUp(region)).map((region) => world.kill(region)))
  await vi.waitUntil(() => looking.state.counters.readsFailed > 0, SOON)
  await world.start(world.primary)
  looking.away()
})

test('ends with its world, whichever is stopped first', async () => {
  const looking = await look()
  await vi.waitUntil(() => looking.state.servers.length > 0, SOON)
  await world.stop()
  await looking.ended
  const begun = performance.now()
  await page.close()
  expect(performance.now() - begun, 'without waiting for a primary').toBeLessThan(10_000)
}, 60_000)
