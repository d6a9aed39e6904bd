import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasBrowser, openBrowser } from '../../../pg-nearest-world/test/browser/open-browser.ts'
import { dashboard, type Dashboard } from '../../src/dashboard/index.ts'
import { createPool, type NearestPool } from '../../src/index.ts'

const patience = { timeout: 20_000, interval: 50 }

describe.skipIf(!hasBrowser)('the dashboard', () => {
  let world: World
  let pool: NearestPool
  let shown: Dashboard
  let server: Server
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
    pool = createPool(world.poolOptions('ord'))
    pool.on('error', () => undefined)
    await pool.refresh()
    shown = await dashboard(pool)
    server = createServer(shown.handle).listen(0, '127.0.0.1')
    await once(server, 'listening')
    browser = await openBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  })
  afterAll(async () => {
    await browser?.close()
    shown?.close()
    server?.close()
    server?.closeAllConnections()
    await pool?.destroy()
    await world?.stop()
  })

  const says = (selector: string, text: string): Promise<boolean> =>
    vi.waitUntil(async () => (await page.locator(selector).textContent())?.includes(text) === true, patience)
  const faults = async (): Promise<unknown> => {
    await page.evaluate(axe.source)
    return page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
    )
  }

  it('says what is well, and counts what runs while somebody looks', async () => {
    await says('#headline', 'All 2 servers are up')
    await vi.waitUntil(async () => {
      await pool.query('select 1')
      return (await page.locator('#routes').textContent())?.includes('own-region') === true
    }, patience)
    expect(await faults()).toEqual([])
  })

  it('says what to do once a server is dead, on a phone in the dark, too', async () => {
    await world.kill('ord')
    await says('#headline', '1 of 2 servers is up')
    await says('#problems', 'ord refused the connection')
    await page.setViewportSize({ width: 360, height: 740 })
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await page.evaluate<unknown>('document.documentElement.scrollWidth')).toBe(360)
    expect(await faults()).toEqual([])
    expect(complaints).toEqual([])
  })
})
