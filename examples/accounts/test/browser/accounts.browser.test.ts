import type { World } from 'pg-nearest-world'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { migrateDatabase } from '../../src/database/migrate-database.ts'
import { seedDatabase } from '../../src/database/seed-database.ts'
import { startServer } from '../../src/server.ts'
import type { RunningServer } from '../../src/server.ts'
import { regionSetting, startThreeRegions } from '../postgres/worlds.ts'
import type { Setting } from '../postgres/worlds.ts'
import { hasBrowser, openBrowser } from '../../../../packages/pg-nearest-world/test/browser/open-browser.ts'

const patience = { timeout: 15_000, interval: 50 }

describe.skipIf(!hasBrowser)('a person in front of the app', () => {
  let world: World
  let settings: readonly Setting[] = []
  let servers: readonly RunningServer[] = []
  let browser: Browser

  beforeAll(async () => {
    world = await startThreeRegions()
    settings = ['ord', 'syd'].map((region) => regionSetting(world, region))
    const [ord] = settings
    if (!ord) throw new Error('There is no ord.')
    await migrateDatabase(ord.pool)
    await seedDatabase(ord.pool, { count: 60 })
    servers = await Promise.all(settings.map((setting) => startServer({ ...setting, port: 0 })))
    browser = await openBrowser()
    await vi.waitUntil(async () => (await ord.pool.replica('syd').query('select from users')).rowCount === 60, patience)
  })

  afterAll(async () => {
    await browser?.close()
    await Promise.all(servers.map((server) => server.close()))
    await Promise.all(settings.map(({ pool }) => pool.end()))
    await world?.stop()
  })

  const visit = async (server: number, path = '/users', javaScriptEnabled = false): Promise<Page> => {
    const page = await browser.newPage({ javaScriptEnabled })
    page.setDefaultTimeout(15_000)
    await page.goto(`${servers[server]?.url}${path}`)
    return page
  }

  const served = (page: Page): Promise<string | null> => page.locator('#served').textContent()

  /**
   * Loads the page again until it shows this: a replica is behind by the length of its link. With a region: and until its replica has
   * it, as another server answers whoever must see it earlier.
   */
  const reloadUntil = (page: Page, heading: string, region?: string): Promise<void> =>
    vi.waitFor(async () => {
      await page.reload()
      expect(await page.locator('h1').textContent()).toBe(heading)
      if (region !== undefined) expect(await served(page)).toContain(`read from ${region} (replica)`)
    }, patience)

  it.each([
    ['ord', 0],
    ['syd', 1],
  ])('creates, changes and deletes a user in %s', async (region, server) => {
    const page = await visit(server)
    expect(await served(page)).toMatch(
      new RegExp(`^served by ${region} · read from ${region} \\(replica\\) in [\\d.]+ ms$`),
    )

    await page.getByRole('link', { name: 'New user' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Ada <i>Lovelace</i>')
    await page.getByLabel('Age', { exact: true }).fill('thirty')
    await page.getByRole('button', { name: 'Save user' }).click()
    expect(await page.title()).toBe('Error: New user · Accounts')
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Ada <i>Lovelace</i>')
    expect(await page.getByLabel('Age', { exact: true }).getAttribute('aria-invalid')).toBe('true')
    expect(await page.locator('#age-error').textContent()).toBe('An age is a whole number, such as 36.')

    await page.getByLabel('Age', { exact: true }).fill('36')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/users\/\d+$/)
    await reloadUntil(page, 'Ada <i>Lovelace</i>')

    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Augusta King')
    await page.getByRole('button', { name: 'Save user' }).click()
    await page.waitForURL(/\/users\/\d+$/)
    await reloadUntil(page, 'Augusta King', region)

    await page.getByRole('link', { name: 'Delete' }).click()
    expect(await page.locator('h1').textContent()).toBe('Delete Augusta King?')
    const gone = page.url().replace(/\/delete$/, '')
    await page.getByRole('button', { name: 'Delete user' }).click()
    await page.waitForURL(/\/users$/)
    await page.goto(gone)
    await reloadUntil(page, 'There is nothing here')
    await page.close()
  })

  it('shows in Sydney who was added in Chicago', async () => {
    const chicago = await visit(0, '/users/new')
    await chicago.getByLabel('Name', { exact: true }).fill('From Chicago')
    await chicago.getByLabel('Age', { exact: true }).fill('40')
    await chicago.getByRole('button', { name: 'Save user' }).click()
    await chicago.waitForURL(/\/users\/\d+$/)

    const sydney = await visit(1, new URL(chicago.url()).pathname)
    await reloadUntil(sydney, 'From Chicago', 'syd')
    expect(await served(sydney)).toMatch(/^served by syd /)
  })

  it('works from the keyboard alone, from the first key on', async () => {
    const page = await visit(0, '/users', true)
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('Skip to the content')
    // A browser heeds autofocus with the first frame, which on a slow machine is long after.
    await page.addInitScript("addEventListener('DOMContentLoaded', () => (window.focused = document.activeElement.id))")
    await page.goto(`${servers[0]?.url}/users/new`)
    expect(await page.evaluate<unknown>('window.focused')).toBe('name')
    await page.keyboard.type('Grace Hopper')
    await page.keyboard.press('Tab')
    await page.keyboard.type('85')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/users\/\d+$/)
    await reloadUntil(page, 'Grace Hopper')
  })

  it('pages through the list', async () => {
    const page = await visit(1)
    expect(await page.locator('tbody tr').count()).toBe(50)
    await page.getByRole('link', { name: 'Next' }).click()
    await page.waitForURL(/\?page=2$/)
    expect(await page.locator('tbody tr').count()).toBeGreaterThanOrEqual(10)
    await page.getByRole('link', { name: 'Previous' }).click()
    await page.waitForURL(/\/users$/)
  })

  it.each(['/users', '/users/new', '/users/1', '/users/1/edit', '/users/1/delete', '/nowhere'])(
    'fits a phone at %s',
    async (path) => {
      const page = await visit(0, path)
      await page.setViewportSize({ width: 320, height: 640 })
      const widths = await page.evaluate<unknown>('[document.documentElement.scrollWidth, window.innerWidth]')
      expect(widths).toEqual([320, 320])
      await page.close()
    },
  )
})
