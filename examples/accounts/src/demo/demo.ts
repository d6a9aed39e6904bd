import { startWorld, type Edge, type World } from 'pg-nearest-world'
import { startPage, type RunningPage } from 'pg-nearest-world/page'
import { startApps, type RegionApp } from './apps.ts'
import type { DemoArguments } from './arguments.ts'
import { readFromEveryRegion } from './from-every-region.ts'
import { benchFromOneRegion } from './from-one-region.ts'
import { startFrontDoor } from './front-door.ts'
import { writeFromEveryRegion } from './requests-through-the-edge.ts'
import { appTable, readTable, writeTable } from './tables.ts'

const PRIMARY = 'nrt'
const REPLICAS = ['ord', 'syd', 'atl', 'ams']

/** The whole demo; it ends after the tables, or when `interrupted` is aborted. */
export async function runDemo({ once, json, seconds }: DemoArguments, interrupted: AbortSignal): Promise<void> {
  const say = (text: string): void => void (json ? undefined : process.stdout.write(`${text}\n`))
  const steps = (text: string): void => void process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${text}` : '')
  const ended = new Promise<void>((resolve) => interrupted.addEventListener('abort', () => resolve(), { once: true }))
  const world = await startWorld({
    primary: PRIMARY,
    replicas: REPLICAS,
    onProgress: ({ done, total, step }) => steps(`[${done}/${total}] ${step}`),
  })
  const apps: RegionApp[] = []
  let edge: Edge | undefined
  let page: RunningPage | undefined
  try {
    steps('the apps: users and pages')
    apps.push(...(await startApps(world, () => page?.url)))
    edge = await startFrontDoor(world, apps)
    // What is only measured is measured without the page's own apps.
    if (!once && !json && !interrupted.aborted) page = await startPage(world, { app: `${edge.url()}/users` })
    steps('')
    if (page !== undefined) say(`\nSee this world, and break it: ${page.url}`)
    say(
      `\nFive regions are up, with the distances between them and an app in each:\n\n${appTable(apps, world.primary)}`,
    )
    say(`\nIn front of them is one URL, where you choose the region to browse from: ${edge.url()}/users`)
    // An interruption while they booted is in the past: `ended` has it, and nothing is measured any more.
    if (!interrupted.aborted)
      await Promise.race([compare({ world, apps, edge }, { seconds, json, say, interrupted }), ended])
    if (!interrupted.aborted) {
      if (once) return
      say(
        `\nOpen ${edge.url()}/users: each page says which region served it, which database it read, and what a change has cost. Ctrl-C ends the demo.`,
      )
      await ended
    }
    say('\nEnding the servers.')
  } finally {
    steps('')
    await page?.close()
    await edge?.close()
    await Promise.all(apps.map((app) => app.close()))
    await world.stop()
  }
}

interface Comparison {
  readonly seconds: number
  readonly json: boolean
  readonly say: (text: string) => void
  readonly interrupted: AbortSignal
}

interface Running {
  readonly world: World
  readonly apps: readonly RegionApp[]
  readonly edge: Edge
}

async function compare({ world, apps, edge }: Running, { seconds, json, say, interrupted }: Comparison): Promise<void> {
  say(`\n1. The same query from ${world.primary} against every region, as npx pg-nearest bench measures it:\n`)
  const bench = await benchFromOneRegion(world, { seconds, json, interrupted })
  say(bench)
  say('\n2. The same query through pg-nearest, from every region:\n')
  const reads = await readFromEveryRegion(world, apps, seconds / 4)
  say(readTable(reads))
  say(
    '\nTable 1 is what the ocean costs. In table 2 nobody crosses it: every region reads next door, as fast as a bare pool',
  )
  say('beside its database; the last column is what the same read costs from the primary.')
  say('\n3. Saving users through the edge, from every region:\n')
  const writes = await writeFromEveryRegion(edge, apps)
  say(writeTable(writes))
  say(
    '\nA request that writes once goes to the primary directly. One that writes five users, one after the other, crosses the',
  )
  say(
    'ocean each time; once pg-nearest has seen that, the whole request is replayed beside the primary and crosses it once.',
  )
  if (json) {
    const figures = { fromOneRegion: JSON.parse(bench), fromEveryRegion: reads, throughTheEdge: writes }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
}
