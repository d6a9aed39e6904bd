import { Resolver } from 'node:dns/promises'
import { startDns, startWorld, type World, type WorldDns } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { examine } from '../../src/doctor/gather-examination.ts'
import type { Finding, FindingCode } from '../../src/findings/finding.ts'
import { findingsOf } from '../../src/findings/findings.ts'
import type { NearestPoolOptions } from '../../src/index.ts'
import { administer, until, withUsers } from './fixtures.ts'
import { pgbouncer, startBouncers } from './pgbouncer-rig.ts'

/** iad takes the writes, and ewr, 300 km away, follows. */
let world: World
let dns: WorldDns
let resolver: Resolver
beforeAll(async () => {
  world = await startWorld({ primary: 'iad', replicas: ['ewr'] })
  await withUsers(world)
  // Of another owner, as whoever migrates often is: partitions are read by the rights to what they are parts of.
  await administer(
    world,
    'iad',
    `create table visits (day date) partition by range (day); create table visits_2026 partition of visits default;
     grant select on visits to app`,
  )
  dns = await startDns(world, { from: 'ewr' })
  resolver = new Resolver({ timeout: 500, tries: 2 })
  resolver.setServers([dns.address])
})
afterAll(async () => {
  await dns?.close()
  await world?.stop()
})

interface Planted {
  /** Default: those of an app in ewr. */
  readonly options?: NearestPoolOptions
  readonly remove?: () => Promise<unknown>
}

interface Fault {
  readonly name: string
  readonly plant: () => Promise<Planted>
  readonly code: FindingCode
  /** What the command that mends it must contain. */
  readonly mend: string
  readonly skip?: boolean
}

const sound = (): NearestPoolOptions => world.poolOptions('ewr')

/** The superuser's, as an administrator's mistakes are. */
const asAdministrator =
  (region: string, mistake: string, repair: string): (() => Promise<Planted>) =>
  async () => {
    await administer(world, region, mistake)
    return { remove: () => administer(world, region, repair) }
  }

/** A setting of one server, likewise. */
const withSetting =
  (region: string, name: string, value: string): (() => Promise<Planted>) =>
  async () => {
    const now = async (): Promise<string> =>
      (await administer<{ v: string }>(world, region, `select current_setting('${name}') as v`))[0]?.v ?? ''
    const before = await now()
    const set = async (wanted: string): Promise<void> => {
      const from = await now()
      await administer(world, region, `alter system set ${name} = '${wanted.replaceAll("'", "''")}'`)
      await administer(world, region, 'select pg_reload_conf()')
      await until(async () => (await now()) !== from, `${name} to be ${wanted}`)
    }
    await set(value)
    return { remove: () => set(before) }
  }

const replicaAt = (change: (url: URL) => void): NearestPoolOptions => {
  const options = world.poolOptions('ewr')
  const url = new URL(options.replicas['ewr'] ?? '')
  change(url)
  return { ...options, replicas: { ewr: url.href } }
}

/** The primary under another name, which leads to the same address. */
const primaryNamed = (host: string): NearestPoolOptions => {
  const options = world.poolOptions('ewr')
  const url = new URL(options.primary.url)
  const hostaddr = url.hostname
  url.hostname = host
  return { ...options, primary: { region: 'iad', url: url.href, hostaddr } }
}

const withOptions = (options: () => NearestPoolOptions) => async (): Promise<Planted> => ({ options: options() })

const FAULTS: readonly Fault[] = [
  {
    name: 'a replica that does not run',
    plant: async () => {
      await world.kill('ewr')
      return { remove: () => world.start('ewr') }
    },
    code: 'NEAREST_NOTHING_LISTENS',
    mend: 'pg_ctl start',
  },
  {
    name: 'a replica that does not run, behind a proxy',
    plant: async () => {
      await world.kill('ewr')
      return {
        options: { ...sound(), replicas: { ewr: world.url('ewr', { from: 'iad' }) } },
        remove: () => world.start('ewr'),
      }
    },
    code: 'NEAREST_CLOSED_PORT',
    mend: 'pg_ctl start',
  },
  {
    name: 'a replica with a limit of its own',
    plant: withSetting('ewr', 'idle_session_timeout', '9s'),
    code: 'DOCTOR_IDLE_LIMIT',
    mend: "-c 'alter system set idle_session_timeout = 0'",
  },
  {
    name: 'a slot that the replica that is away may need',
    plant: async () => {
      await administer(world, 'iad', "select pg_create_physical_replication_slot('left_over', true)")
      await world.kill('ewr')
      return {
        remove: async () => {
          await world.start('ewr')
          await administer(world, 'iad', "select pg_drop_replication_slot('left_over')")
        },
      }
    },
    code: 'DOCTOR_UNUSED_SLOT',
    mend: 'first what is wrong with ewr',
  },
  {
    name: 'a machine on Fly that is stopped',
    plant: async () => {
      await world.kill('ewr')
      return { options: primaryNamed(dns.host), remove: () => world.start('ewr') }
    },
    code: 'DOCTOR_MACHINE_STOPPED',
    mend: 'fly machine start ',
  },
  {
    name: 'a region on Fly without a machine',
    plant: withOptions(() => {
      const url = new URL(world.url('ewr'))
      url.hostname = `ams.${dns.host}`
      return { ...sound(), replicas: { ams: url.href } }
    }),
    code: 'NEAREST_HOST_NOT_FOUND',
    mend: 'take ams out of REPLICA_REGIONS, or, for a replica there: fly machine clone ',
  },
  {
    name: "a name of Fly's network, seen from elsewhere",
    plant: withOptions(() => replicaAt((url) => (url.hostname = 'nobody.flycast'))),
    code: 'NEAREST_HOST_NOT_FOUND',
    mend: 'fly ssh console',
  },
  {
    name: 'a region on Fly that is not in the list',
    plant: withOptions(() => ({ ...primaryNamed(dns.host), replicas: {} })),
    code: 'DOCTOR_REGION_NOT_LISTED',
    mend: 'REPLICA_REGIONS=ewr,iad',
  },
  {
    name: 'a wrong password',
    plant: withOptions(() => replicaAt((url) => (url.password = 'wrong'))),
    code: 'NEAREST_AUTHENTICATION',
    mend: 'export DATABASE_URL_EWR=',
  },
  {
    name: 'no such database',
    plant: withOptions(() => replicaAt((url) => (url.pathname = '/nobody'))),
    code: 'NEAREST_NO_DATABASE',
    mend: 'export DATABASE_URL_EWR=postgres://…/app',
  },
  {
    name: 'the primary in disguise',
    plant: withOptions(() =>
      replicaAt((url) => {
        url.host = `localhost:${new URL(world.poolOptions('ewr').primary.url).port}`
      }),
    ),
    code: 'NEAREST_WRONG_PLACE',
    mend: 'DATABASE_URL_EWR=',
  },
  {
    name: 'replay is paused',
    plant: async () => {
      await world.pauseReplay('ewr')
      return { remove: () => world.resumeReplay('ewr') }
    },
    code: 'DOCTOR_PAUSED',
    mend: "-c 'select pg_wal_replay_resume()'",
  },
  {
    name: 'replay is delayed',
    plant: withSetting('ewr', 'recovery_min_apply_delay', '1min'),
    code: 'DOCTOR_APPLY_DELAY',
    mend: "-c 'alter system set recovery_min_apply_delay = 0' -c 'select pg_reload_conf()'",
  },
  {
    name: 'nothing streams to the replica',
    plant: withSetting('ewr', 'primary_conninfo', ''),
    code: 'DOCTOR_NOT_STREAMING',
    mend: 'alter system set primary_conninfo',
  },
  {
    name: 'replay cancels queries at once',
    plant: withSetting('ewr', 'max_standby_streaming_delay', '0'),
    code: 'DOCTOR_CONFLICTS',
    mend: 'alter system set hot_standby_feedback = on',
  },
  {
    name: 'queries hold replay up for ever',
    plant: withSetting('ewr', 'max_standby_streaming_delay', '-1'),
    code: 'DOCTOR_ENDLESS_CONFLICTS',
    mend: 'alter system set max_standby_streaming_delay',
  },
  {
    name: 'the primary takes no writes',
    plant: asAdministrator(
      'iad',
      'alter role app set default_transaction_read_only = on',
      'alter role app reset default_transaction_read_only',
    ),
    code: 'NEAREST_READ_ONLY',
    mend: 'alter role app reset default_transaction_read_only',
  },
  {
    name: 'positions are refused',
    plant: asAdministrator(
      'iad',
      'revoke execute on function pg_current_wal_insert_lsn() from public',
      'grant execute on function pg_current_wal_insert_lsn() to public',
    ),
    code: 'NEAREST_NO_POSITIONS',
    mend: 'grant execute on function pg_current_wal_insert_lsn()',
  },
  {
    name: 'the role may not read its tables',
    plant: asAdministrator('iad', 'revoke select on users, hits from app', 'grant select on users, hits to app'),
    code: 'DOCTOR_TABLES',
    mend: 'grant select on all tables in schema public to app',
  },
  {
    name: 'fewer connections than a pool opens',
    plant: asAdministrator('iad', 'alter role app connection limit 9', 'alter role app connection limit -1'),
    code: 'DOCTOR_FEW_CONNECTIONS',
    mend: 'alter role app connection limit -1',
  },
  {
    name: 'the server ends idle connections before the pool does',
    plant: asAdministrator(
      'iad',
      "alter role app set idle_session_timeout = '9s'",
      'alter role app reset idle_session_timeout',
    ),
    code: 'DOCTOR_IDLE_LIMIT',
    mend: 'alter role app reset idle_session_timeout',
  },
  {
    name: 'a replication slot that nothing reads',
    plant: asAdministrator(
      'iad',
      "select pg_create_physical_replication_slot('left_over', true)",
      "select pg_drop_replication_slot('left_over')",
    ),
    code: 'DOCTOR_UNUSED_SLOT',
    mend: 'select pg_drop_replication_slot',
  },
  {
    name: 'a superuser',
    plant: withOptions(() => ({
      ...sound(),
      primary: { region: 'iad', url: world.url('iad', { from: 'ewr', as: 'superuser' }) },
    })),
    code: 'DOCTOR_SUPERUSER',
    mend: 'create role app login',
  },
  {
    name: 'no encryption over a public network',
    plant: withOptions(() => primaryNamed('db.example.com')),
    code: 'DOCTOR_UNENCRYPTED',
    mend: 'sslmode=verify-full',
  },
  {
    name: 'a proxy that cuts connections before the pool ends them',
    plant: withOptions(() => primaryNamed('direct.abc.flympg.net')),
    code: 'DOCTOR_PROXY_LIMIT',
    mend: 'maxLifetimeSeconds: 600',
  },
  {
    name: 'a region that is not where it is said to be',
    plant: withOptions(() => ({ ...sound(), region: 'syd' })),
    code: 'DOCTOR_TOO_NEAR',
    mend: 'MY_REGION=',
  },
  {
    name: 'a way that is far too long',
    plant: async () => {
      const before = world.rtt('iad', 'ewr')
      world.setRtt('iad', 'ewr', 150)
      return { remove: async () => world.setRtt('iad', 'ewr', before) }
    },
    code: 'DOCTOR_TOO_FAR',
    mend: 'traceroute ',
  },
  {
    name: 'a primary that is listed as a replica',
    plant: withOptions(() => ({
      region: 'ewr',
      primary: { region: 'ewr', url: world.url('ewr') },
      replicas: { iad: world.url('iad', { from: 'ewr' }) },
    })),
    code: 'DOCTOR_OTHER_ROLE',
    mend: 'DATABASE_URL=<that of iad> DATABASE_URL_EWR=<that of ewr> PRIMARY_REGION=iad',
  },
  {
    name: 'a pooler in between',
    plant: async () => {
      const bouncers = await startBouncers(world, 'transaction')
      return { options: bouncers.poolOptions('ewr'), remove: async () => bouncers[Symbol.asyncDispose]() }
    },
    code: 'DOCTOR_POOLER',
    mend: 'for migrations',
    skip: pgbouncer === undefined,
  },
]

/** What only the primary takes, on the replica's port. */
function onStandby(): RegExp {
  const { port } = new URL(world.url('ewr'))
  return new RegExp(
    String.raw`-p ${port} [^;]*-c '(?:grant|create|alter (?!system)|.password|set )|createdb [^;]*-p ${port} `,
  )
}

async function remarks(options = sound()): Promise<Extract<Finding, { verdict: 'bad' | 'unknown' }>[]> {
  return findingsOf(await examine(options, { resolver })).flatMap((found) => (found.verdict === 'good' ? [] : [found]))
}

test('in a sound world there is nothing to find', async () => {
  expect(await remarks()).toEqual([])
})

test.each(FAULTS.filter(({ skip }) => skip !== true))('$name: $code', async ({ plant, code, mend }) => {
  const { options, remove } = await plant()
  try {
    const found = await remarks(options)
    expect(found.map((each) => each.code)).toContain(code)
    const { mend: command, why } = found.find((each) => each.code === code) ?? { mend: '', why: '' }
    expect(command).toContain(mend)
    expect(why).toMatch(/^[A-Z].*\.$/)
    for (const each of found) expect(each.mend, 'a standby refuses it').not.toMatch(onStandby())
    const secrets = world.regions.map((region) => new URL(world.url(region)).password)
    for (const secret of secrets) expect(JSON.stringify(found)).not.toContain(secret)
  } finally {
    await remove?.()
  }
})

test('and when they are mended, nothing is found again', async () => {
  await until(async () => (await remarks()).length === 0, 'the world to be sound', 20_000, 200)
})
