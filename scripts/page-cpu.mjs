import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startWorld } from 'pg-nearest-world'
import { startPage } from 'pg-nearest-world/page'

/**
 * What the page of a world takes of one core, its servers included: the world alone; with the page while nobody looks; while somebody does (a
 * client that reads its events, as a browser would) who has just come; and while he sees nothing happen. On Linux:
 * `npm run build && node scripts/page-cpu.mjs --seconds 60`.
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const seconds = Number(values.seconds)
if (!(seconds > 0)) throw new RangeError('--seconds takes a number.')

/** By Linux, whatever the machine. */
const TICKS_A_SECOND = 100
const SETTLES_MS = 5_000

/** Processor time of this process and of all that it has started, in seconds. */
async function processorTime() {
  const stats = new Map()
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    // The name, in parentheses, may have spaces in it.
    const [, parent, ...rest] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
    if (parent !== undefined)
      stats.set(Number(pid), { parent: Number(parent), ticks: Number(rest[9]) + Number(rest[10]) })
  }
  const isOurs = (pid) => pid === process.pid || (stats.has(pid) && isOurs(stats.get(pid).parent))
  const ours = [...stats].filter(([pid]) => isOurs(pid))
  const node = process.cpuUsage()
  return {
    node: (node.user + node.system) / 1e6,
    servers: ours.reduce((sum, [pid, { ticks }]) => (pid === process.pid ? sum : sum + ticks), 0) / TICKS_A_SECOND,
  }
}

async function report(what) {
  await sleep(SETTLES_MS)
  const [before, begun] = [await processorTime(), performance.now()]
  await sleep(seconds * 1_000)
  const [after, tookS] = [await processorTime(), (performance.now() - begun) / 1_000]
  const percent = (part) => (((after[part] - before[part]) / tookS) * 100).toFixed(2).padStart(6)
  console.log(`${what.padEnd(24)} process ${percent('node')} %  servers ${percent('servers')} %`)
}

const world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] })
try {
  await report('the world alone')
  const running = await startPage(world, { port: 0, restAfterMs: 1_000 })
  try {
    await report('nobody looks')
    const looking = new AbortController()
    const { body } = await fetch(new URL('events', running.url), { signal: looking.signal })
    const read = (async () => {
      let bytes = 0
      for await (const chunk of body) bytes += chunk.length
      return bytes
    })().catch(() => undefined)
    await report('somebody looks, just come')
    await sleep(20_000)
    await report('somebody looks, at rest')
    looking.abort()
    await read
    await report('nobody looks any more')
  } finally {
    await running.close()
  }
} finally {
  await world.stop()
}
