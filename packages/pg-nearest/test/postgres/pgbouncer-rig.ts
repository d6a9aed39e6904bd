import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { World } from 'pg-nearest-world'
import type { NearestPoolOptions } from '../../src/index.ts'
import { ask, until } from './fixtures.ts'
import { folderFor, freePort, Program, programAt, removeFolder, serverAccount } from './programs.ts'

export type PoolMode = 'transaction' | 'session'

export const pgbouncer: string | undefined = programAt('pgbouncer')

/** A PgBouncer before each server of a world. */
export interface Bouncers extends AsyncDisposable {
  /** As `world.poolOptions`, through the bouncers. */
  poolOptions(region: string): NearestPoolOptions
  kill(region: string): Promise<void>
  start(region: string): Promise<void>
}

/** What a bouncer is put before each server of. */
type Bounced = Pick<World, 'regions' | 'url' | 'poolOptions'>

/** One bouncer, before whatever this URL leads to. */
export function startBouncer(region: string, url: string, mode: PoolMode): Promise<Bouncers> {
  const poolOptions = () => ({ region, primary: { region, url }, replicas: {} })
  return startBouncers({ regions: [region], url: () => url, poolOptions }, mode)
}

/** @param admin - the app's role may use PgBouncer's own console. */
export async function startBouncers(world: Bounced, mode: PoolMode, { admin = false } = {}): Promise<Bouncers> {
  if (pgbouncer === undefined) throw new Error('PgBouncer is not installed')
  const path = pgbouncer
  const account = serverAccount()
  const folder = folderFor(account, 'pgbouncer')
  const ports = new Map<string, number>()
  const running = new Map<string, Program>()
  for (const region of world.regions) ports.set(region, await freePort())

  const urlOf = (region: string): string => {
    const url = new URL(world.url(region))
    url.port = String(ports.get(region))
    return url.href
  }

  const start = async (region: string): Promise<void> => {
    const server = new URL(world.url(region))
    const users = join(folder, `${region}-users.txt`)
    const file = join(folder, `${region}.ini`)
    writeFileSync(users, `"${server.username}" "${decodeURIComponent(server.password)}"\n`)
    const console = admin ? `admin_users = ${server.username}\n` : ''
    writeFileSync(file, configuration(server, ports.get(region) ?? 0, mode, users, account?.name) + console)
    const program = new Program(path, [file], undefined)
    running.set(region, program)
    await until(
      async () => {
        if (!program.running) throw new Error(`PgBouncer ended: ${program.said}`)
        return (await ask(urlOf(region), 'select 1').catch(() => [])).length === 1
      },
      `PgBouncer before ${region}`,
      10_000,
    )
  }

  await Promise.all(world.regions.map(start))
  return {
    poolOptions(region) {
      const { primary, replicas } = world.poolOptions(region)
      return {
        region,
        primary: { region: primary.region, url: urlOf(primary.region) },
        replicas: Object.fromEntries(Object.keys(replicas).map((each) => [each, urlOf(each)])),
      }
    },
    kill: async (region) => running.get(region)?.kill(),
    start,
    async [Symbol.asyncDispose]() {
      await Promise.all([...running.values()].map((program) => program.kill()))
      await removeFolder(folder)
    },
  }
}

function configuration(server: URL, port: number, mode: PoolMode, users: string, user: string | undefined): string {
  return `[databases]
* = host=127.0.0.1 port=${server.port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = 20
server_login_retry = 1
${user === undefined ? '' : `user = ${user}\n`}`
}
