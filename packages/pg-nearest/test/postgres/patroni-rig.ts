import { mkdirSync, readFileSync, writeFileSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import { ask, until } from './fixtures.ts'
import {
  folderFor,
  freePort,
  postgresBinaries,
  Program,
  programAt,
  removeFolder,
  serverAccount,
  type Account,
} from './programs.ts'

const patroni = programAt('patroni')
const etcd = programAt('etcd')
const binaries = postgresBinaries()

/** What is missing, and how to get it; `undefined` if all is there. */
export const missing: string | undefined =
  patroni === undefined || etcd === undefined || binaries === undefined
    ? 'Patroni, etcd or PostgreSQL is not installed (Debian: apt-get install patroni etcd-server python3-etcd postgresql)'
    : undefined

const SUPERUSER = 'postgres'
const APP = 'app'
const PASSWORD = 'a-password-of-the-cluster'
/** Patroni takes no less. */
const TTL_SECONDS = 20

/** Three nodes that Patroni watches over, with one etcd. */
export interface PatroniCluster extends AsyncDisposable {
  readonly nodes: readonly string[]
  /** For an app, whose role is an ordinary one and owns the database. */
  url(node: string): string
  /** A node's REST API. */
  api(node: string): string
  /** The node whose server takes writes, by its own word. */
  leader(): Promise<string | undefined>
  /** Ends a node's Patroni and its server, as a machine that loses power. */
  kill(node: string): Promise<void>
  start(node: string): Promise<void>
}

export async function startPatroni(nodes: readonly string[]): Promise<PatroniCluster> {
  const account = serverAccount()
  const folder = folderFor(account, 'patroni')
  const [client, peer] = [await freePort(), await freePort()]
  const store = new Program(etcd ?? '', etcdArguments(join(folder, 'etcd'), client, peer), account)
  const ports = new Map<string, { readonly server: number; readonly rest: number }>()
  for (const node of nodes) ports.set(node, { server: await freePort(), rest: await freePort() })
  const running = new Map<string, Program>()
  const urlOf = (role: string, node: string): string =>
    `postgres://${role}:${PASSWORD}@127.0.0.1:${ports.get(node)?.server}/${role}`
  const url = (node: string): string => urlOf(APP, node)
  const answers = async (at: string): Promise<boolean> => (await ask(at, 'select 1').catch(() => [])).length === 1

  const start = async (node: string): Promise<void> => {
    const { server = 0, rest = 0 } = ports.get(node) ?? {}
    const home = join(folder, node)
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const file = join(home, 'patroni.yml')
    writeFileSync(file, JSON.stringify(configuration(node, home, server, rest, client)), { mode: 0o600 })
    if (account !== undefined) for (const path of [home, file]) chownSync(path, account.uid, account.gid)
    running.set(node, new Program(patroni ?? '', [file], account, { HOME: home }))
    await until(
      async () => {
        const program = running.get(node)
        if (program?.running !== true) throw new Error(`Patroni of ${node} ended: ${program?.said}`)
        return answers(urlOf(SUPERUSER, node))
      },
      `the server of ${node}`,
      60_000,
      100,
    )
  }

  const kill = async (node: string): Promise<void> => {
    await running.get(node)?.kill()
    killServer(join(folder, node, 'data'), account)
  }

  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map(kill))
    await store.kill()
    await removeFolder(folder)
  }

  const cluster: PatroniCluster = {
    nodes,
    url,
    api: (node) => `http://127.0.0.1:${ports.get(node)?.rest}`,
    async leader() {
      const standbys = await Promise.all(
        nodes.map((node) => ask(urlOf(SUPERUSER, node), 'select pg_is_in_recovery() as standby').catch(() => [])),
      )
      return nodes.find((_, i) => standbys[i]?.[0]?.['standby'] === false)
    },
    kill,
    start,
    [Symbol.asyncDispose]: dispose,
  }
  try {
    const [first = '', ...others] = nodes
    await start(first)
    await until(async () => (await cluster.leader()) === first, 'the first leader', 30_000, 100)
    await Promise.all(others.map(start))
    // A superuser may create them. Sooner, and the others' copies would wait minutes for the checkpoint of a whole database.
    await ask(urlOf(SUPERUSER, first), `create role ${APP} login password '${PASSWORD}'`)
    await ask(urlOf(SUPERUSER, first), `create database ${APP} owner ${APP}`)
    await Promise.all(nodes.map((node) => until(() => answers(url(node)), `the database of ${node}`)))
    return cluster
  } catch (error) {
    await dispose()
    throw error
  }
}

function etcdArguments(data: string, client: number, peer: number): string[] {
  const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`]
  const flags = {
    'data-dir': data,
    'listen-client-urls': clients,
    'advertise-client-urls': clients,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
  }
  return Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])
}

function configuration(name: string, home: string, server: number, rest: number, etcdPort: number): object {
  const hba = ['all', 'replication'].map((database) => `host ${database} all 127.0.0.1/32 scram-sha-256`)
  const user = (username: string): object => ({ username, password: PASSWORD })
  return {
    scope: 'pg-nearest',
    name,
    restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
    etcd3: { host: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ttl: TTL_SECONDS,
        loop_wait: 1,
        retry_timeout: 3,
        maximum_lag_on_failover: 1_048_576,
        postgresql: { use_pg_rewind: true, parameters: { hot_standby: 'on', wal_log_hints: 'on' } },
      },
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
      pg_hba: hba,
    },
    postgresql: {
      listen: `127.0.0.1:${server}`,
      connect_address: `127.0.0.1:${server}`,
      data_dir: join(home, 'data'),
      bin_dir: binaries,
      pgpass: join(home, 'pgpass'),
      pg_hba: hba,
      authentication: { superuser: user(SUPERUSER), replication: user('replicator'), rewind: user('rewinder') },
      parameters: { unix_socket_directories: home, shared_buffers: '16MB', fsync: 'off' },
    },
    watchdog: { mode: 'off' },
  }
}

/** By the process that it has written down. Its children end with it. */
function killServer(data: string, account: Account | undefined): void {
  try {
    const [pid = ''] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(pid), 'SIGKILL')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ESRCH')
      throw new Error(`The server of ${account?.name} lives on.`, { cause: error })
  }
}
