import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startWorld } from 'pg-nearest-world'
import { startPage } from 'pg-nearest-world/page'
import { chromium } from 'playwright-core'
import { animatedWebp } from './animated-webp.mjs'
import { findBrowser } from './find-browser.mjs'

/**
 * Plays the story of the page of a world on real servers, and takes its pictures: at rest and in trouble, on a desk and on a phone, by day and by
 * night, and the story as one animation. `npm run build && node scripts/page-pictures.mjs --to FOLDER`. Without a folder only those of the README
 * are taken.
 */
const { values } = parseArgs({ options: { to: { type: 'string' } } })
const folder = values.to ?? 'examples/accounts/docs/screenshots'
/** Of the README. */
const SHOWN = new Map([
  ['desktop-light-rest', 'world-desktop-light.png'],
  ['phone-dark-trouble', 'world-phone-dark.png'],
])

const DESK = { width: 1440, height: 1000 }
const PHONE = { width: 390, height: 844 }
/** All that the story is about is in sight. */
const STORY = { width: 1360, height: 1100 }
const SCALE = 0.7
const SHRUNK = { width: Math.round(STORY.width * SCALE), height: Math.round(STORY.height * SCALE) }
const QUALITY = 0.6
/** So that the charts have something to show. */
const FILLS_MS = 110_000

const executablePath = await findBrowser()
if (executablePath === undefined) throw new Error('There is no Chromium: install one, or name it in CHROMIUM_PATH.')
await mkdir(folder, { recursive: true })
const world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] })
const running = await startPage(world, { port: 0 })
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })

async function open(viewport, colorScheme, deviceScaleFactor = 1) {
  const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor, reducedMotion: 'reduce' })
  await page.goto(running.url)
  return page
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const choose = (page, city) => page.getByRole('button', { name: new RegExp(`^${city} `) }).click()
const told = (page, text) => page.locator('.timeline li span', { hasText: text }).first().waitFor({ timeout: 60_000 })

const frames = []

/** A still of the story, and how long it is shown: of the page's beginning, or around what is found by a selector. */
async function frame(page, ms, around) {
  // A click may have scrolled to its button.
  await page.evaluate(() => scrollTo(0, 0))
  if (around !== undefined)
    await page.locator(around).evaluate((element) => element.scrollIntoView({ block: 'center' }))
  frames.push({ png: await page.screenshot(), ms })
}

/** A browser is what is at hand that can write WebP. */
async function toWebp(helper, png) {
  const encoded = await helper.evaluate(
    async ([data, quality, width, height]) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
      const canvas = new OffscreenCanvas(width, height)
      const context = canvas.getContext('2d')
      context.imageSmoothingQuality = 'high'
      context.drawImage(picture, 0, 0, width, height)
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality })
      return Array.from(new Uint8Array(await blob.arrayBuffer()))
    },
    [png.toString('base64'), QUALITY, SHRUNK.width, SHRUNK.height],
  )
  return Buffer.from(encoded)
}

async function shoot(pages, name) {
  for (const [which, page] of pages) {
    const picture = values.to === undefined ? SHOWN.get(`${which}-${name}`) : `world-${which}-${name}.png`
    if (picture === undefined) continue
    await page.evaluate(() => scrollTo(0, 0))
    await page.screenshot({ path: join(folder, picture) })
    if (values.to !== undefined) {
      await page.screenshot({ path: join(folder, picture.replace('.png', '-whole.png')), fullPage: true })
    }
  }
}

try {
  const stills = new Map([
    ['desktop-light', await open(DESK, 'light')],
    ['desktop-dark', await open(DESK, 'dark')],
    ['phone-light', await open(PHONE, 'light', 2)],
    ['phone-dark', await open(PHONE, 'dark', 2)],
  ])
  const story = await open(STORY, 'light')
  await sleep(FILLS_MS)
  await shoot(stills, 'rest')
  await frame(story, 2_000)

  await choose(story, 'Chicago')
  await frame(story, 900)
  await press(story, 'Kill Chicago')
  await told(story, 'was killed')
  await frame(story, 900)
  await told(story, /^Chicago reads from /)
  await frame(story, 2_200)

  await choose(story, 'Sydney')
  await press(story, 'Cut the link to Tokyo')
  await told(story, 'Nothing passes between')
  await sleep(3_000)
  await frame(story, 1_800)
  await sleep(4_000)
  await shoot(stills, 'trouble')

  await press(story, 'Mend the link to Tokyo')
  await choose(story, 'Chicago')
  await press(story, 'Start Chicago')
  await told(story, /^Chicago reads next door again/)
  await frame(story, 1_600)
  await choose(story, 'Amsterdam')
  await press(story, 'Pause replay Amsterdam')
  await told(story, 'no longer replays')
  await frame(story, 1_200)
  await story.locator('select[name=to]').selectOption('ams')
  await press(story, 'Write, then read')
  await story.locator('.readings > *').first().waitFor()
  await frame(story, 4_000, '.readings')
  await press(story, 'Resume replay Amsterdam')
  await told(story, 'replays again')
  await press(story, 'Promote Amsterdam')
  await told(story, 'was promoted')
  await sleep(2_500)
  await frame(story, 2_200)
  await press(story, 'Chaos for a minute')
  await told(story, 'Chaos has a minute')
  for (let i = 0; i < 4; i++) {
    await sleep(9_000)
    await frame(story, 1_000)
  }
  await told(story, 'Chaos is over')
  await sleep(1_500)
  await frame(story, 3_000)

  const helper = await browser.newPage()
  const pictures = []
  for (const { png, ms } of frames) pictures.push({ webp: await toWebp(helper, png), ms })
  const animation = animatedWebp(pictures, SHRUNK)
  await writeFile(join(folder, 'world-story.webp'), animation)
  console.log(`world-story.webp: ${pictures.length} pictures, ${Math.round(animation.length / 1e3)} kB`)
} finally {
  await browser.close()
  await running.close()
  await world.stop()
}
