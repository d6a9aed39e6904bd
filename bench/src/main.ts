import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { arrivalsTable } from './arrivals-table.ts'
import { buildsTable } from './builds-table.ts'
import { burstsTable } from './bursts-table.ts'
import { dashboardTable } from './dashboard-table.ts'
import { clientsTable } from './clients-table.ts'
import { guardTable } from './guard-table.ts'
import { overheadTable } from './overhead-table.ts'
import { movingTable } from './moving-table.ts'
import { arrivals } from './scenarios/arrivals.ts'
import { builds } from './scenarios/builds.ts'
import { bursts } from './scenarios/bursts.ts'
import { dashboardCost } from './scenarios/dashboard.ts'
import { clients } from './scenarios/clients.ts'
import { guard } from './scenarios/guard.ts'
import { faultsTable } from './faults-table.ts'
import { faultsScenario } from './scenarios/faults.ts'
import { moving } from './scenarios/moving.ts'
import { overhead } from './scenarios/overhead.ts'
import { replayTable } from './replay-table.ts'
import { replayTimes } from './scenarios/replay.ts'
import { servers } from './scenarios/servers.ts'
import { sessions } from './scenarios/sessions.ts'
import { worldTimes } from './scenarios/world.ts'
import { serversTable } from './servers-table.ts'
import { sessionsTable } from './sessions-table.ts'
import { worldTable } from './world-table.ts'

const usage = `npm run bench -w bench [-- <scenario>] [options]

  overhead         a bare pg.Pool on a replica and our pool, side by side: the same read by key, at 1 and at 50 callers
                   (the default)
  clients          every way from Node to a database side by side: pg.Pool, pg's other ways, postgres.js, our pool with lanes and
                   without, Kysely and Drizzle on each: a read by key at 1, 50 and 500 callers, 20 texts, writes among them
  arrivals         reads that come at random, 500 to 10,000 a second, also with slow ones among them: what the fast ones take
  sessions         transactions, and reads right after writes, 100 ms from the primary: our pool, pg, Drizzle, Kysely
                   and Prisma side by side; how long they take, and how many reads are stale
  moving           what people come from, and our pool, in an app with a replica next door: reads, reads after writes,
                   transactions, stale reads, and reads that fail when that replica dies
  guard            what it costs a local read to show one's own writes: a bare pg.Pool, our pool, our pool in a session
  faults           one of two replicas is slow, killed or cut off under readers: what they notice of it
  builds           this build and another one (--other), side by side with a bare pg.Pool in one process: reads, writes,
                   borrowed clients and transactions, at 1 and at 50 callers
  bursts           10, 100 and 1,000 inserts at once: a bare pg.Pool on the primary, and a session of our pool
  servers          pools of 2, 18 and 200 servers, each in a process of its own: processor time for a read, what they take
                   while idle, and of the heap
  replay           requests to an app in three regions: all but GET replayed beside the primary, none, and by what they cost
  dashboard        what it costs a pool with lanes, under 50 callers, that somebody looks at its dashboard
  world            how long a world of five regions takes to boot, and how exact its links are

  --time SECONDS   for all of overhead, guard, servers, dashboard (default 30), clients, arrivals (default 120) or builds (default 300)
  --other FOLDER   for builds: packages/pg-nearest of another checkout, built there
  --only TEXT      for builds and clients: only the cases with this in their name
  --json           the figures as one JSON object
  --help`

/** How long the long ones take by default. */
const SECONDS: Readonly<Record<string, number>> = { builds: 300, clients: 120, arrivals: 120 }

try {
  process.exitCode = await bench(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}

async function bench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      time: { type: 'string' },
      other: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const [scenario = 'overhead'] = positionals
  const seconds = Number(values.time ?? SECONDS[scenario] ?? 30)
  if (!(seconds >= 1 && seconds <= 3_600)) throw new RangeError('--time takes seconds, from 1 to 3600.')
  const { version }: { version: string } = createRequire(import.meta.url)('pg/package.json')
  const machine = { node: process.version, pg: version }
  const show = <T>(results: T, table: (results: T) => string): void =>
    console.log(
      values.json
        ? JSON.stringify({ ...machine, [scenario]: results })
        : `Node ${machine.node}, pg ${version}\n${table(results)}`,
    )
  if (scenario === 'overhead') show(await overhead(seconds), overheadTable)
  else if (scenario === 'sessions') show(await sessions(), sessionsTable)
  else if (scenario === 'moving') show(await moving(), movingTable)
  else if (scenario === 'clients') show(await clients(seconds, values.only), clientsTable)
  else if (scenario === 'arrivals') show(await arrivals(seconds), arrivalsTable)
  else if (scenario === 'guard') show(await guard(seconds), guardTable)
  else if (scenario === 'faults') show(await faultsScenario(), faultsTable)
  else if (scenario === 'builds') show(await builds(values.other, seconds, values.only), buildsTable)
  else if (scenario === 'bursts') show(await bursts(), burstsTable)
  else if (scenario === 'servers') show(await servers(seconds), serversTable)
  else if (scenario === 'replay') show(await replayTimes(), replayTable)
  else if (scenario === 'dashboard') show(await dashboardCost(seconds), dashboardTable)
  else if (scenario === 'world') show(await worldTimes(), worldTable)
  else {
    const said = JSON.stringify(scenario)
    throw new RangeError(
      `There is no scenario ${said}: there are overhead, clients, arrivals, sessions, moving, guard, faults, builds, bursts, servers, replay, dashboard and world.`,
    )
  }
  return 0
}
