import type { World } from '../world-types.ts'
import { formatByteRate } from './byte-rate.ts'
import { command, usageOf } from './command.ts'
import type { Command, VariablesFile } from './command.ts'
import { formatDuration } from './duration.ts'
import { envLines } from './env-lines.ts'
import { errorText } from './error-text.ts'
import { byteRate, duration, newRegion, optional, region } from './parameters.ts'
import { MAX_REPLAY_LAG_MS, readReplayLag, setReplayLag } from '../cluster/apply-delay.ts'
import { statusTable, urlTable } from './tables.ts'
import type { ShownStatus } from './tables.ts'
import { UsageError } from './usage-error.ts'
import { WorldError } from '../world-error.ts'

/** Everything that can be typed at the prompt. */
export const commands: readonly Command[] = [
  command('status', [], 'each server: its role, position, and how far behind it is', async ({ world, print }) => {
    print(statusTable(await shownStatuses(world)))
  }),

  command('urls', [optional(region)], 'where the servers are; as an app in a region reaches them', (context, from) => {
    context.print(urlTable(context.world, from))
  }),

  command(
    'superuser',
    [optional(region)],
    'the same URLs, for the superuser, who may do everything',
    (context, from) => {
      context.print(urlTable(context.world, from, 'superuser'))
    },
  ),

  command('env', [optional(region)], "an app's variables, for pg-nearest/fly", ({ world, print }, only) => {
    const regions = only === undefined ? world.regions : [only]
    print(regions.map((code) => envLines(world.poolOptions(code))).join('\n\n'))
  }),

  command('kill', [region], 'end a server as a crash would, with SIGKILL', async ({ world, print }, code) => {
    await world.kill(code)
    print(`${code} is down. Bring it back with: start ${code}`)
  }),

  command('start', [region], 'bring a killed server back', async ({ world, print }, code) => {
    await world.start(code)
    print(`${code} is up, as ${roleOf(world, code)}.`)
  }),

  command('lag', [region, duration], 'show commits on a replica that late; 0 ends it', async (context, code, ms) => {
    const { world, print } = context
    if (ms > MAX_REPLAY_LAG_MS) throw new UsageError('A replica can be held back by 24 days at most.')
    requireReplica(world, code)
    await setReplayLag(world.url(code, { as: 'superuser' }), ms).catch((error: unknown) => {
      throw new Error(`${code} did not take it; status shows whether it is up. ${errorText(error)}`, { cause: error })
    })
    const now = (await world.status()).find((status) => status.region === code)
    print(lagText(code, ms, now?.replayPaused))
  }),

  command('pause', [region], 'stop replay on a replica', async ({ world, print }, code) => {
    requireReplica(world, code)
    await world.pauseReplay(code)
    print(`${code} receives, but shows nothing new. Go on with: resume ${code}`)
  }),

  command('resume', [region], 'let replay go on', async ({ world, print }, code) => {
    requireReplica(world, code)
    await world.resumeReplay(code)
    print(`${code} replays again.`)
  }),

  command('rtt', [region, region, optional(duration)], 'show or set the round trip', ({ world, print }, a, b, ms) => {
    requireTwo(a, b)
    if (ms !== undefined) world.setRtt(a, b, ms)
    print(`${a} and ${b} are ${formatDuration(world.rtt(a, b))} apart, there and back.`)
  }),

  command('jitter', [region, region, duration], 'add up to that, at random, each way', ({ world, print }, a, b, ms) => {
    requireTwo(a, b)
    world.setJitter(a, b, ms)
    print(
      ms === 0
        ? `There is no jitter between ${a} and ${b}.`
        : `Between ${a} and ${b} there is jitter of up to ${formatDuration(ms)} each way.`,
    )
  }),

  command('bandwidth', [region, region, byteRate], 'limit the rate; off ends it', ({ world, print }, a, b, rate) => {
    requireTwo(a, b)
    world.setBandwidth(a, b, rate)
    print(`Between ${a} and ${b}, each direction carries at most: ${formatByteRate(rate)}.`)
  }),

  command('partition', [region, region], 'let all traffic between two vanish', ({ world, print }, a, b) => {
    requireTwo(a, b)
    world.partition(a, b)
    print(`Nothing passes between ${a} and ${b}, replication neither. End it with: heal ${a} ${b}`)
  }),

  command('heal', [region, region], 'end a partition', ({ world, print }, a, b) => {
    requireTwo(a, b)
    world.heal(a, b)
    print(`Traffic passes between ${a} and ${b}.`)
  }),

  command('promote', [region], 'make a replica the primary', async ({ world, print, envFile }, code) => {
    await world.promote(code)
    print(
      `${code} is the primary now, and the others follow it.${fromBefore(envFile) ?? ' See the new variables with: env'}`,
    )
  }),

  command('add', [newRegion], 'let one more region join', async ({ world, print, joined, envFile }, code) => {
    await world.addRegion(code).catch((error: unknown) => {
      throw isUnknownRegion(error) ? new UsageError(noDistance(code)) : error
    })
    await joined(code)
    print([`${code} has joined: ${world.url(code)}`, fromBefore(envFile)?.trim() ?? []].flat().join('\n'))
  }),

  command('help', [], 'this list', ({ print }) => {
    print(helpText())
  }),

  command('quit', [], 'stop the world and leave', ({ quit }) => {
    quit()
  }),
]

/** One line for each command, in two columns. */
export function helpText(): string {
  const rows = commands.map((entry) => [usageOf(entry), entry.help] as const)
  const width = Math.max(...rows.map(([usage]) => usage.length))
  return rows.map(([usage, help]) => `  ${usage.padEnd(width)}  ${help}`).join('\n')
}

/** What `lag` has done. Whoever has paused a replica must resume it to see that. */
export function lagText(code: string, ms: number, paused: boolean | undefined): string {
  const held = `shows each commit ${formatDuration(Math.round(ms))} after the primary made it, or when it arrives, if that is later.`
  const will = ms < 0.5 ? 'replays at once.' : held
  return paused === true
    ? `${code} is paused, and shows nothing new. After resume ${code} it ${will}`
    : `${code} ${will}`
}

/** It stays as it was, as an app's own list does after a failover. */
function fromBefore(file: VariablesFile | undefined): string | undefined {
  return file && ` ${file.path} has the variables from before. The new ones: env ${file.region}`
}

const isUnknownRegion = (error: unknown): boolean =>
  error instanceof WorldError && error.code === 'WORLD_UNKNOWN_REGION'

const noDistance = (code: string): string =>
  `The distance to ${JSON.stringify(code)} is not known: name a region of Fly's, which Tab offers, or start the world with one --rtt for all.`

const roleOf = (world: World, code: string): string => (world.primary === code ? 'the primary' : 'a replica')

function requireReplica(world: World, code: string): void {
  if (code === world.primary) throw new UsageError(`${code} is the primary, which replays nothing. Name a replica.`)
}

function requireTwo(a: string, b: string): void {
  if (a === b) throw new UsageError(`Name two regions: there is no link from ${a} to itself.`)
}

/** If the server has died since, what the world saw is shown. */
function heldBack(world: World, code: string): Promise<number | undefined> {
  return readReplayLag(world.url(code, { as: 'superuser' })).catch(() => undefined)
}

function shownStatuses(world: World): Promise<readonly ShownStatus[]> {
  return world.status().then((statuses) =>
    Promise.all(
      statuses.map(async (status) => ({
        ...status,
        heldBackMs: status.role === 'replica' ? await heldBack(world, status.region) : undefined,
      })),
    ),
  )
}
