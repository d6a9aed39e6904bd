import type { Edge, World } from 'pg-nearest-world'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApps } from '../../src/demo/apps.ts'
import type { RegionApp } from '../../src/demo/apps.ts'
import { startFrontDoor } from '../../src/demo/front-door.ts'
import { startThreeRegions } from '../postgres/worlds.ts'
import { hasBrowser, openBrowser } from '../../../../packages/pg-nearest-world/test/browser/open-browser.ts'

describe.skipIf(!hasBrowser)('a person who chooses where to browse from, at one URL', () => {
  let world: World
  let apps: readonly RegionApp[] = []
  let edge: Edge
  let browser: Browser
  let person: BrowserContext
  let page: Page

  beforeAll(async () => {
    world = await startThreeRegions()
    apps = await startApps(world)
    edge = await startFrontDoor(world, apps)
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await edge?.close()
    await Promise.all(apps.map((app) => app.close()))
    await world?.stop()
  })
  beforeEach(async () => {
    person = await browser.newContext({ javaScriptEnabled: false })
    page = await person.newPage()
    page.setDefaultTimeout(15_000)
    await page.goto(edge.url())
  })
  afterEach(() => person.close())

  const served = (): Promise<string | null> => page.locator('#served').textContent()
  const chosen = (): Promise<string[]> => page.locator('.picker [aria-current]').allTextContents()
  const report = async (): Promise<string> => (await page.getByRole('status').innerText()).replaceAll(/\s+/g, ' ')
  const choose = async (city: string): Promise<void> => {
    await page.getByRole('link', { name: city }).click()
    await page.waitForURL(/edge-region/)
  }

  const saveOne = async (): Promise<void> => {
    await page.getByRole('link', { name: 'New user' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Ada Lovelace')
    await page.getByLabel('Age', { exact: true }).fill('36')
    await page.getByRole('button', { name: 'Save user' }).click()
    await page.waitForURL(/\/users\/\d+$/)
  }
  const saveFive = async (): Promise<void> => {
    await page.getByRole('link', { name: 'Several users' }).click()
    await page.getByRole('button', { name: 'Save users' }).click()
    await page.waitForURL(/\/users$/)
  }

  it.each([
    ['Chicago', 'ord'],
    ['Sydney', 'syd'],
  ])('in %s reads next door, writes directly what writes once, and has the rest replayed', async (city, region) => {
    await choose(city)
    expect(await chosen()).toEqual([expect.stringContaining(city)])
    expect(await served()).toContain(`served by ${region} · read from ${region} (replica)`)

    await saveOne()
    expect(await page.locator('h1').textContent()).toBe('Ada Lovelace')
    expect(await report()).toMatch(
      new RegExp(`^Direct Saved from ${city} in \\d+ ms: 1 trip to Tokyo The request ran in ${city}`),
    )
    expect(await served()).toContain(`served by ${region}`)

    await page.getByRole('link', { name: 'All users' }).click()
    expect(await page.getByRole('status').count(), 'on another page').toBe(0)
    await saveFive()
    expect(await report()).toMatch(new RegExp(`^Direct Saved from ${city} in \\d+ ms: 6 trips to Tokyo`))
    await saveFive()
    expect(await report()).toMatch(
      new RegExp(`^Replayed Saved from ${city} in \\d+ ms: 1 trip to Tokyo The whole request ran in Tokyo.*6 times`),
    )
    expect(await served()).toContain(`served by ${region}`)
  })

  it('in Tokyo writes next door', async () => {
    await choose('Tokyo')
    expect(await served()).toContain('served by nrt · read from nrt (primary)')
    await saveOne()
    expect(await report()).toMatch(/^Next door Saved from Tokyo in \d+ ms The primary stands here/)
    await page.getByRole('link', { name: 'All users' }).click()
    await saveFive()
    expect(await report()).toMatch(/^Next door/)
  })

  it('stays on the page, and in the region, until another one is chosen', async () => {
    await choose('Sydney')
    await page.getByRole('link', { name: 'Next' }).click()
    await page.waitForURL(/\?page=2$/)
    expect(await chosen()).toEqual([expect.stringContaining('Sydney')])
    await choose('Chicago')
    expect(await page.locator('.pages').innerText()).toContain('Page 2')
    expect(await chosen()).toEqual([expect.stringContaining('Chicago')])
    await page.goto(edge.url())
    expect(await served()).toContain('served by ord')
  })

  it('does so from the keyboard alone', async () => {
    await page.keyboard.press('Tab')
    for (let stops = 0; stops < 10; stops++) {
      if ((await page.locator(':focus').textContent())?.includes('Sydney')) break
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.waitForURL(/edge-region=syd/)
    expect(await chosen()).toEqual([expect.stringContaining('Sydney')])
  })

  it('fits a phone, with what a change has cost', async () => {
    await choose('Sydney')
    await saveOne()
    await page.setViewportSize({ width: 320, height: 640 })
    const widths = '[document.documentElement.scrollWidth, window.innerWidth]'
    expect(await page.evaluate<unknown>(widths)).toEqual([320, 320])
    await page.goto(`${edge.url()}/users/several`)
    expect(await page.evaluate<unknown>(widths)).toEqual([320, 320])
  })
})
