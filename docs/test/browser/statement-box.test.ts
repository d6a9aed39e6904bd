import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import spec from '../../../packages/pg-nearest/spec/classification.json' with { type: 'json' }
import { hasBrowser, openBrowser } from '../../../packages/pg-nearest-world/test/browser/open-browser.ts'
import { isBuilt, serveSite, type Site } from './serve-site.ts'

if (!isBuilt) console.warn('The site is not built, so its box is not tested: npm run docs:build')

const cases = spec.sections.flatMap((section) => section.cases)
const classes = ['read', 'write', 'server-bound', 'session', 'transaction']
/** Six of each class, from the whole of the table, of those that can be typed in one line. */
const thirty = classes.flatMap((wanted) => {
  const typed = cases.filter((row) => row.class === wanted && /^[ -~]{3,90}$/.test(row.text))
  return Array.from({ length: 6 }, (_, i) => typed[Math.floor((i * typed.length) / 6)])
})

describe.skipIf(!hasBrowser || !isBuilt)('the box of what runs where', () => {
  let site: Site
  let browser: Browser
  let page: Page
  let asked: string[]
  beforeAll(async () => {
    site = await serveSite()
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    page = await browser.newPage()
    page.setDefaultTimeout(20_000)
    // The site fetches what its links in view lead to whenever the browser has time, unless a reader saves data.
    await page.addInitScript('Object.defineProperty(navigator, "connection", { value: { saveData: true } })')
    await page.goto(`${site.url}/guide/what-runs-where`, { waitUntil: 'networkidle' })
    await answered()
    asked = []
    page.on('request', (request) => asked.push(request.url()))
  })
  afterEach(() => page.close())

  const answered = (): Promise<unknown> => page.locator('.statement-box output[data-busy="false"]').waitFor()
  const box = () => page.getByLabel('Type a statement')
  const shownClass = (): Promise<string | null> => page.locator('.statement-box .class').textContent()

  test('thirty statements are answered as spec/classification.json has them, and are sent nowhere', async () => {
    expect(thirty.length).toBe(30)
    for (const row of thirty) {
      await box().fill('')
      await box().pressSequentially(row?.text ?? '')
      await answered()
      expect({ text: row?.text, class: await shownClass() }).toEqual({ text: row?.text, class: row?.class })
      if (row?.class === 'read') expect(await page.locator('.statement-box .route').textContent()).toMatch(/replica/)
    }
    expect(asked).toEqual([])
  })

  test.each([
    ['nothing', '   ', undefined],
    ['no SQL', 'Hello, world! \u{1F30F} \u0000', 'write'],
    ['HTML', '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>', 'write'],
    ['a template', '{{ constructor.constructor("window.hacked = true")() }}', 'write'],
    ['1 MB of it', `select * from t where ${'a = 1 or '.repeat(116_000)}true`, 'read'],
    ['1 MB of open comments', '/*'.repeat(524_288), 'write'],
    ['1 MB of brackets', `${'('.repeat(524_288)}select 1${')'.repeat(524_288)}`, 'read'],
    ['1 MB of a name', 'x'.repeat(1_048_576), 'write'],
  ])('%s changes nothing but the answer', async (_name, text, wanted) => {
    await box().fill(text)
    await answered()
    if (wanted === undefined)
      expect(await page.locator('.statement-box output').textContent()).toContain('Nothing to run')
    else expect(await shownClass()).toBe(wanted)
    expect(await page.evaluate<unknown>('window.hacked')).toBe(undefined)
    // What comes after it is answered as ever.
    await page.getByRole('button', { name: 'select pg_is_in_recovery()' }).click()
    await answered()
    expect(await shownClass()).toBe('server-bound')
    expect(asked).toEqual([])
  })

  test('the page is as quick while a long text is looked at: that is done beside it', async () => {
    const long = `select * from t where ${'a = 1 or '.repeat(116_000)}true`
    await box().fill(long)
    const workers = page.workers().map((worker) => worker.url())
    expect(workers.length).toBe(1)
    await answered()
    expect(await shownClass()).toBe('read')
  })

  test('fits a phone', async () => {
    await page.setViewportSize({ width: 320, height: 640 })
    const widths = await page.evaluate<unknown>('[document.documentElement.scrollWidth, window.innerWidth]')
    expect(widths).toEqual([320, 320])
  })
})
