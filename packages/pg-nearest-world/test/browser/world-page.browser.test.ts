import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { startWorld, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { project } from '../../../pg-nearest-page/src/map/project.ts'
import { HEIGHT, WIDTH } from '../../../pg-nearest-page/src/map/world-map.ts'
import { hasBrowser, openBrowser } from './open-browser.ts'

const patience = { timeout: 30_000, interval: 50 }
const FRANKFURT = { latitude: 50.0264, longitude: 8.5431 }

describe.skipIf(!hasBrowser)('the page of a world', () => {
  let world: World
  let running: RunningPage
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] })
    running = await startPage(world, { port: 0 })
    browser = await openBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, reducedMotion: 'reduce' })
    page.setDefaultTimeout(20_000)
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.request().postData()}`)
    })
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load')) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(running.url)
  })
  afterAll(async () => {
    await browser?.close()
    await running?.close()
    await world?.stop()
  })

  const told = (): Promise<string[]> => page.locator('.timeline li span').allTextContents()
  const counters = (): Promise<string[]> => page.locator('#counters b').allTextContents()
  const node = (city: string): ReturnType<Page['getByRole']> =>
    page.getByRole('button', { name: new RegExp(`^${city} `) })
  const card = (region: string): ReturnType<Page['locator']> => page.locator(`.cards li[data-key=${region}] .from`)
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()
  const until = (holds: () => Promise<boolean>): Promise<boolean> => vi.waitUntil(holds, patience)
  const says = (city: string, words: string): Promise<boolean> =>
    until(async () => (await node(city).textContent())?.includes(words) === true)
  const faults = async (): Promise<string[]> => {
    await page.evaluate(axe.source)
    const found: unknown = await page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
    )
    return found as string[]
  }

  it('shows five regions, in which apps read next door', async () => {
    for (const city of ['Chicago', 'Sydney', 'Atlanta', 'Amsterdam']) await says(city, 'replica')
    await says('Tokyo', 'primary')
    await until(async () => (await card('ord').textContent()) === 'reads next door')
    expect(await page.title()).toBe('The world · pg-nearest')
    expect(await faults()).toEqual([])
  })

  it('goes on reading elsewhere when ord is killed, says so, and returns', async () => {
    await node('Chicago').click()
    await press('Kill Chicago')
    await until(async () => (await told()).some((text) => text.includes('Chicago was killed')))
    await until(async () => (await told()).some((text) => /^Chicago reads from \w+ now/.test(text)))
    await says('Chicago', 'down')
    expect(await faults(), 'in trouble').toEqual([])
    expect(await page.locator('#live').textContent(), 'to a screen reader').not.toBe('')
    await press('Start Chicago')
    await until(async () => (await told()).some((text) => text.startsWith('Chicago reads next door again')))
    await says('Chicago', 'replica')
  })

  it('lets a session read its write where a replica is paused, and shows what is read without', async () => {
    await node('Amsterdam').click()
    await press('Pause replay Amsterdam')
    await says('Amsterdam', 'paused')
    const elsewhere = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    const other = await elsewhere.newPage()
    await other.goto(running.url)
    await page.locator('select[name=to]').selectOption('ams')
    await press('Write, then read')
    for (const looking of [page, other]) {
      const [withSession, without] = [looking.locator('.readings > *').first(), looking.locator('.readings > *').last()]
      await until(async () => (await withSession.count()) === 1)
      expect(await withSession.locator('.row').textContent()).toBe('Ada Lovelace, 36')
      expect(await without.locator('.row').textContent()).toBe('Nobody here')
    }
    const bookmarks = await Promise.all([page, other].map((each) => each.locator('.bookmark code').textContent()))
    expect(bookmarks[0]).toMatch(/^[\w-]{32}$/)
    expect(bookmarks[1], 'the same in the other browser').toBe(bookmarks[0])
    await elsewhere.close()
    await press('Resume replay Amsterdam')
    await says('Amsterdam', 'replica')
  })

  it('writes to Amsterdam once that is promoted', async () => {
    await press('Promote Amsterdam')
    await says('Amsterdam', 'primary')
    await until(async () => (await told()).some((text) => text.startsWith('Amsterdam was promoted')))
    await says('Tokyo', 'replica')
    await press('Write, then read')
    await until(async () => (await page.locator('.result').textContent())?.includes('Saved by Amsterdam') === true)
  })

  it('takes Frankfurt in where the map is clicked', async () => {
    await page.locator('.picture').scrollIntoViewIfNeeded()
    const box = await page.locator('.picture').boundingBox()
    const [x, y] = project(FRANKFURT)
    if (box === null) throw new Error('There is no map.')
    // A little to the south-east of it, where Amsterdam's own button is not.
    const at = { x: box.x + (x / WIDTH) * box.width + 14, y: box.y + (y / HEIGHT) * box.height + 14 }
    await page.mouse.move(at.x, at.y)
    expect(await page.locator('.ghost:not(.drag-hint)').textContent()).toBe('+ Frankfurt')
    await page.mouse.click(at.x, at.y)
    await says('Frankfurt', 'replica')
    await until(async () => (await card('fra').textContent()) === 'reads next door')
    expect(await page.locator('h1').textContent()).toContain('six regions')
  })

  it('survives a cut link, by keyboard alone', async () => {
    await node('Sydney').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Cut the link to Amsterdam' }).focus()
    await page.keyboard.press('Enter')
    await until(async () => (await page.locator('.links path.cut').count()) === 1)
    await page.getByRole('button', { name: 'Mend the link to Amsterdam' }).focus()
    await page.keyboard.press('Space')
    await until(async () => (await page.locator('.links path.cut').count()) === 0)
  })

  it('cuts a link where one server is dragged on another, and mends it so', async () => {
    const middle = async (city: string): Promise<{ x: number; y: number }> => {
      const box = await node(city).locator('.dot').boundingBox()
      if (box === null) throw new Error(`There is no ${city}.`)
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    }
    for (const [words, cut] of [
      ['Cut Sydney – Chicago', 1],
      ['Mend Sydney – Chicago', 0],
    ] as const) {
      const [from, to] = [await middle('Sydney'), await middle('Chicago')]
      await page.mouse.move(from.x, from.y)
      await page.mouse.down()
      await page.mouse.move(to.x, to.y, { steps: 5 })
      expect(await page.locator('.drag-hint').textContent()).toBe(words)
      await page.mouse.up()
      await until(async () => (await page.locator('.links path.cut').count()) === cut)
    }
  })

  it('tells how a statement was routed', async () => {
    await page.locator('.statement-list summary').first().click()
    await until(async () => (await page.locator('.route tbody tr').count()) >= 5)
    const shown = await page.locator('details[open] .route').textContent()
    for (const part of ['Plan', 'Attempts', 'Proof', 'answered']) expect(shown).toContain(part)
    expect(shown).toMatch(/copied the primary’s changes|made on the primary first|this server already had every change/)
  })

  it('changes nothing without the token, and has lost, doubled and taken back nothing so far', async () => {
    const status: unknown = await page.evaluate(
      `fetch('act', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"do":"kill","region":"nrt"}' }).then((answer) => answer.status)`,
    )
    expect(status, 'without the token').toBe(403)
    expect(world.isUp('nrt')).toBe(true)
    // Whether no read failed is asked where nothing else runs: a machine that has no time for five servers and a browser lets some time out.
    expect((await counters()).slice(1)).toEqual(['0', '0', '0'])
    expect(await faults()).toEqual([])
    // The one complaint is the refusal itself.
    expect(complaints.filter((text) => !text.startsWith('403'))).toEqual([])
  })

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate<unknown>('[document.documentElement.scrollWidth, window.innerWidth]')).toEqual([
      360, 360,
    ])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await faults()).toEqual([])
  })
})
