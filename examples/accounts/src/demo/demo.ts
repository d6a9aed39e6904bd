import { startWorld, type World } from 'pg-nearest-world'
import { startApps, type RegionApp } from './apps.ts'
import type { DemoArguments } from './arguments.ts'
import { readFromEveryRegion } from './from-every-region.ts'
import { benchFromOneRegion } from './from-one-region.ts'
import { appTable, readTable } from './tables.ts'

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
  try {
    steps('the apps: users and pages')
    apps.push(...(await startApps(world)))
    steps('')
    say(
      `\nFive regions are up, with the distances between them and an app in each:\n\n${appTable(apps, world.primary)}`,
    )
    // An interruption while they booted is in the past: `ended` has it, and nothing is measured any more.
    if (!interrupted.aborted) await Promise.race([compare(world, apps, { seconds, json, say, interrupted }), ended])
    if (!interrupted.aborted) {
      if (once) return
      say(
        '\nOpen the apps above: each page says which region served it and which database it read. Ctrl-C ends the demo.',
      )
      await ended
    }
    say('\nEnding the servers.')
  } finally {
    steps('')
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

async function compare(
  world: World,
  apps: readonly RegionApp[],
  { seconds, json, say, interrupted }: Comparison,
): Promise<void> {
  say(`\n1. The same query from ${world.primary} against every region, as npx pg-nearest bench measures it:\n`)
  const bench = await benchFromOneRegion(world, { seconds, json, interrupted })
  say(bench)
  say('\n2. The same query through pg-nearest, from every region:\n')
  const reads = await readFromEveryRegion(world, apps, seconds / 2)
  say(readTable(reads))
  say(
    '\nTable 1 is what the ocean costs. In table 2 nobody crosses it: every region reads next door, as fast as a bare pool',
  )
  say('beside its database; the last column is what the same read costs from the primary.')
  if (json) process.stdout.write(`${JSON.stringify({ fromOneRegion: JSON.parse(bench), fromEveryRegion: reads })}\n`)
}
