import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from '../world-types.ts'
import { FAULTS, type Aim, type Fault } from './simple-faults.ts'
import type { Random } from './random.ts'
import { promoteAndLook, type Promotion } from './promotion.ts'

export type FaultName =
  | 'pause'
  | 'kill'
  | 'slow'
  | 'partition'
  | 'freeze'
  | 'isolate'
  | 'cut off an app'
  | 'crash the primary'
  | 'promote'
  | 'promote a laggard'
  | 'two at once'

/**
 * What goes wrong, by name. No two of them are had at the same time, but for "two at once", so that whatever is broken, each
 * app has a server in reach; and a promotion finds every replica alive.
 *
 * @param promotions - each one is added here.
 */
export function chaosFaults(apps: readonly string[], promotions: Promotion[]): ReadonlyMap<string, Fault> {
  const all = [
    ...FAULTS,
    freeze,
    isolate,
    cutOff(apps),
    crash,
    promote(promotions),
    promoteLaggard(promotions),
    twoAtOnce,
  ]
  return new Map(all.map((fault) => [fault.name, fault]))
}

/** Of a replica all processes: its connections stay, and nobody answers. */
const freeze: Fault = {
  name: 'freeze',
  aim(world, random) {
    const replica = anyReplica(world, random)
    let pids: readonly number[] = []
    return {
      what: `freeze ${replica}`,
      touches: [replica],
      async inflict() {
        pids = await processesOf(world, replica)
        for (const pid of pids) signal(pid, 'SIGSTOP')
      },
      heal() {
        for (const pid of pids) signal(pid, 'SIGCONT')
      },
    }
  },
}

/** One replica from all others. */
const isolate: Fault = {
  name: 'isolate',
  aim(world, random) {
    const replica = anyReplica(world, random)
    const others = world.regions.filter((region) => region !== replica)
    return {
      what: `isolate ${replica}`,
      touches: [replica],
      inflict: () => others.forEach((other) => world.partition(replica, other)),
      heal: () => others.forEach((other) => world.heal(replica, other)),
    }
  },
}

const cutOff = (apps: readonly string[]): Fault => ({
  name: 'cut off an app',
  aim(world, random) {
    const { primary } = world
    const app = random.pick(apps.filter((region) => region !== primary))
    return {
      what: `cut the app in ${app} off from the primary, ${primary}`,
      touches: [[app, primary].toSorted().join('-')],
      inflict: () => world.partition(app, primary),
      heal: () => world.heal(app, primary),
    }
  },
})

const crash: Fault = {
  name: 'crash the primary',
  aim(world) {
    const { primary } = world
    return {
      what: `kill the primary, ${primary}, and start it again`,
      touches: world.regions,
      inflict: () => world.kill(primary),
      heal: () => world.start(primary),
    }
  },
}

const promote = (promotions: Promotion[]): Fault => ({
  name: 'promote',
  aim(world, random) {
    const replica = anyReplica(world, random)
    return {
      what: `promote ${replica} over ${world.primary}`,
      touches: world.regions,
      inflict: async () => void promotions.push(await promoteAndLook(world, replica)),
      heal: () => undefined,
    }
  },
})

/** For so long the primary acknowledges what will be lost. */
const LAGS_MS = 1_000

/**
 * The primary goes on for a while, and nobody receives what it writes: that is lost, and sessions must be told. All replicas
 * have the same then, so that none is ahead of the new primary and has to be cloned.
 */
const promoteLaggard = (promotions: Promotion[]): Fault => ({
  name: 'promote a laggard',
  aim(world, random) {
    const { primary } = world
    const replica = anyReplica(world, random)
    return {
      what: `stop streaming from ${primary}, and promote ${replica}`,
      touches: world.regions,
      async inflict() {
        const senders = await pidsOf(world.url(primary), 'select pid from pg_stat_replication')
        for (const pid of senders) signal(pid, 'SIGSTOP')
        await sleep(LAGS_MS)
        promotions.push(await promoteAndLook(world, replica))
      },
      // Whoever was stopped is dead.
      heal: () => undefined,
    }
  },
})

const twoAtOnce: Fault = {
  name: 'two at once',
  aim(world, random) {
    const [one, other] = random.shuffle(FAULTS)
    const first = one?.aim(world, random)
    let second = other?.aim(world, random)
    const collide = (aim: Aim | undefined): boolean =>
      aim?.touches.some((each) => first?.touches.includes(each)) === true
    while (collide(second)) second = other?.aim(world, random)
    const aims = [first, second].filter((aim) => aim !== undefined)
    return {
      what: aims.map(({ what }) => what).join(', and '),
      touches: aims.flatMap(({ touches }) => touches),
      inflict: () => eachOf(aims, (aim) => aim.inflict()),
      heal: () => eachOf(aims, (aim) => aim.heal()),
    }
  },
}

async function eachOf(aims: readonly Aim[], work: (aim: Aim) => unknown): Promise<void> {
  await Promise.all(aims.map(async (aim) => work(aim)))
}

function anyReplica(world: World, random: Random): string {
  return random.pick(world.regions.filter((region) => region !== world.primary))
}

async function processesOf(world: World, region: string): Promise<readonly number[]> {
  const main = (await world.status()).find((server) => server.region === region)?.pid
  const others = await pidsOf(world.url(region), 'select pid from pg_stat_activity where pid <> pg_backend_pid()')
  return main === undefined ? others : [main, ...others]
}

async function pidsOf(url: string, text: string): Promise<readonly number[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<{ pid: number }>(text)).rows.map(({ pid }) => pid)
  } finally {
    await client.end()
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended by itself.
  }
}
