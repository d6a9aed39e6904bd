import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startWorld } from 'pg-nearest-world'
import { startPage } from 'pg-nearest-world/page'
import { chromium } from 'playwright-core'
import { findBrowser } from './find-browser.mjs'

/**
 * Keeps the page of a world open while its apps work, and prints what the process and the page hold, every half minute:
 * `npm run build && node scripts/page-memory.mjs --minutes 10`. Fails if either has grown in the second half.
 */
const EVERY_MS = 30_000
/** What may be noise. */
const MOST_GROWTH = 1.1
const MOST_UPDATES = 30
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new RangeError('--minutes takes a number.')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const executablePath = await findBrowser()
if (executablePath === undefined) throw new Error('There is no Chromium: install one, or name it in CHROMIUM_PATH.')

const world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] })
const running = await startPage(world, { port: 0 })
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
const devtools = await page.context().newCDPSession(page)
await devtools.send('Performance.enable')
await devtools.send('HeapProfiler.enable')
await devtools.send('Network.enable')
let updates = 0
devtools.on('Network.eventSourceMessageReceived', () => updates++)

async function pageMetrics() {
  await devtools.send('HeapProfiler.collectGarbage')
  const { metrics } = await devtools.send('Performance.getMetrics')
  const valueOf = (wanted) => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN
  return { heap: valueOf('JSHeapUsedSize'), nodes: valueOf('Nodes'), busyS: valueOf('TaskDuration') }
}

const samples = []
try {
  await page.goto(running.url)
  console.log('minute  process heap  process RSS  page heap  page nodes  updates/s  CPU of the process  of the page')
  for (const begun = performance.now(); performance.now() - begun < minutes * 60_000;) {
    const cpu = process.cpuUsage()
    const from = performance.now()
    const { busyS } = await pageMetrics()
    updates = 0
    await sleep(EVERY_MS)
    const tookMs = performance.now() - from
    const { user, system } = process.cpuUsage(cpu)
    const perSecond = (updates * 1_000) / tookMs
    const after = await pageMetrics()
    collect()
    const { heapUsed, rss } = process.memoryUsage()
    const sample = { ...after, heapUsed, rss, perSecond }
    samples.push(sample)
    const cells = [
      ((performance.now() - begun) / 60_000).toFixed(1).padStart(6),
      megabytes(heapUsed).padStart(12),
      megabytes(rss).padStart(11),
      megabytes(sample.heap).padStart(9),
      String(sample.nodes).padStart(10),
      perSecond.toFixed(1).padStart(9),
      `${((user + system) / 10 / tookMs).toFixed(1)} %`.padStart(18),
      `${(((after.busyS - busyS) * 100_000) / tookMs).toFixed(1)} %`.padStart(11),
    ]
    console.log(cells.join('  '))
  }
} finally {
  await browser.close()
  await running.close()
  await world.stop()
}

// The first two minutes fill what is kept of them.
const settled = samples.slice(Math.min(5, samples.length - 2))
const half = Math.ceil(settled.length / 2)
const faults = ['heapUsed', 'heap', 'nodes'].flatMap((of) => {
  const [early, late] = [settled.slice(0, half), settled.slice(half)].map((some) =>
    median(some.map((each) => each[of])),
  )
  const growth = late / early
  console.log(`${of}: ${growth.toFixed(3)} of what it was in the first half`)
  return growth > MOST_GROWTH ? [`${of} grew to ${growth.toFixed(2)} times what it was.`] : []
})
const most = Math.max(...samples.map(({ perSecond }) => perSecond))
if (most > MOST_UPDATES) faults.push(`There were ${most.toFixed(1)} updates a second.`)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
