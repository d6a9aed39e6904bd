import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { startWorld, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasBrowser, openBrowser } from '../browser/open-browser.ts'

/** Within this time the page says that reads have gone elsewhere. */
const SOON_MS = 2_000
/** It is at rest twenty seconds after the last thing that happened. */
const AT_REST_MS = 25_000
const CHAOS = { timeout: 110_000, interval: 200 }

describe.skipIf(!hasBrowser)('the page of a world, where nothing else runs', () => {
  let world: World
  let running: RunningPage
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] })
    running = await startPage(world, { port: 0 })
    browser = await openBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, reducedMotion: 'reduce' })
    await page.goto(running.url)
    await vi.waitUntil(async () => (await page.locator('.from', { hasText: 'reads next door' }).count()) === 5, CHAOS)
  })
  afterAll(async () => {
    await browser?.close()
    await running?.close()
    await world?.stop()
  })

  const told = (): Promise<string[]> => page.locator('.timeline li span').allTextContents()
  const counters = (): Promise<string[]> => page.locator('#counters b').allTextContents()
  const wrong = (): Promise<string[]> => page.locator('.timeline .wrong span').allTextContents()
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()

  it('says within two seconds that ord’s app reads elsewhere, and that no read failed', async () => {
    await page.getByRole('button', { name: /^Chicago / }).click()
    await press('Kill Chicago')
    await vi.waitUntil(async () => (await told()).some((text) => text.includes('Chicago was killed')), CHAOS)
    const killed = performance.now()
    await vi.waitUntil(
      async () => (await told()).some((text) => /^Chicago reads from \w+ now.*No read failed\.$/.test(text)),
      { timeout: 10_000, interval: 20 },
    )
    const tookMs = performance.now() - killed
    await press('Start Chicago')
    await vi.waitUntil(
      async () => (await told()).some((text) => text.startsWith('Chicago reads next door again')),
      CHAOS,
    )
    expect(tookMs).toBeLessThan(SOON_MS)
  })

  it('says so as soon where nothing has happened for a while, and somebody kills the server from outside', async () => {
    await sleep(AT_REST_MS)
    const moves = async (): Promise<number> =>
      (await told()).filter((text) => /^Chicago reads from \w+ now/.test(text)).length
    const before = await moves()
    const killed = performance.now()
    await world.kill('ord')
    await vi.waitUntil(async () => (await moves()) > before, { timeout: 20_000, interval: 20 })
    const tookMs = performance.now() - killed
    await world.start('ord')
    await vi.waitUntil(async () => (await told())[0]?.startsWith('Chicago reads next door again') ?? false, CHAOS)
    expect(tookMs).toBeLessThan(SOON_MS)
  }, 90_000)

  it('has a minute of chaos with nothing failed, lost, doubled or taken back, though it began with a dead server', async () => {
    await world.kill('ord')
    await press('Chaos for a minute')
    await vi.waitUntil(async () => (await told()).some((text) => text.startsWith('Chaos is over')), CHAOS)
    expect(await wrong()).toEqual([])
    expect(await counters()).toEqual(['0', '0', '0', '0'])
  }, 180_000)

  it('counts sessions that go back once they are switched off and a replica is held back', async () => {
    await page.getByRole('switch', { name: 'Sessions' }).click()
    for (const region of ['ord', 'syd'].filter((each) => each !== world.primary)) await world.pauseReplay(region)
    await vi.waitUntil(async () => Number((await counters())[3]) > 0, CHAOS)
    expect((await counters()).slice(1, 3), 'and nothing else').toEqual(['0', '0'])
  }, 120_000)
})
