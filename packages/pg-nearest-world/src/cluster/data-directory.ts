import { createHash, randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { cached } from './cache.ts'
import { command } from './command.ts'

/** An initialised data directory to copy, and the superuser's password in it. */
export interface Template {
  readonly folder: string
  readonly password: string
}

export const SUPERUSER = 'postgres'
/** This one is in the template already. */
export const DEFAULT_DATABASE = 'app'
/** Small WAL segments: a third less to copy for each region. */
const INITDB = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--wal-segsize=1',
  '--no-sync',
  '--no-instructions',
]

/** What `initdb` made in an earlier run, or makes now and leaves for later ones. */
export async function cachedTemplate(binaries: Binaries, account: Account | undefined): Promise<Template> {
  const made = createHash('sha256').update(INITDB.join(' ')).digest('hex').slice(0, 8)
  const name = `data-${binaries.version}-${account?.uid ?? process.getuid?.() ?? 'own'}-${made}`
  return read(await cached(name, (draft) => initialise(draft, binaries, account)))
}

/** A cluster of its own, in a new folder. */
export async function freshTemplate(
  folder: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<Template> {
  await mkdir(folder, { mode: 0o755 })
  await initialise(folder, binaries, account)
  return read(folder)
}

async function read(folder: string): Promise<Template> {
  return { folder: join(folder, 'data'), password: await readFile(join(folder, 'password'), 'utf8') }
}

async function initialise(folder: string, { postgres, initdb }: Binaries, account: Account | undefined): Promise<void> {
  const data = join(folder, 'data')
  const password = join(folder, 'password')
  await mkdir(data, { mode: 0o700 })
  await writeFile(password, randomBytes(18).toString('base64url'), { mode: 0o600 })
  if (account !== undefined) for (const path of [data, password]) await chown(path, account.uid, account.gid)
  await command(initdb, ['-D', data, `--username=${SUPERUSER}`, `--pwfile=${password}`, ...INITDB], account)
  await command(postgres, ['--single', '-F', '-D', data, 'postgres'], account, `create database ${DEFAULT_DATABASE}\n`)
  if (account !== undefined) await chown(password, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
}

/** Copies a data directory that nobody uses. */
export async function copyTemplate({ folder }: Template, to: string, account: Account | undefined): Promise<void> {
  await command('cp', ['-R', folder, to], account)
}

/**
 * Nothing is forced to the disk: what a killed server had acknowledged survives in the system's cache, and these servers
 * do not outlive the machine. Time-outs are short, so that what was cut off comes back soon.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // In files of the data directory, which go with it, also after a SIGKILL.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '32MB',
  max_connections: '200',
  fsync: 'off',
  wal_level: 'replica',
  max_wal_senders: '30',
  wal_keep_size: '1GB',
  wal_init_zero: 'off',
  hot_standby: 'on',
  wal_retrieve_retry_interval: '100ms',
  wal_receiver_status_interval: '1s',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  log_min_messages: 'warning',
} satisfies Record<string, string>

/** Writes what a server needs to know into a data directory of its own. */
export async function configure(
  data: string,
  settings: Readonly<Record<string, string>>,
  account: Account | undefined,
): Promise<void> {
  const lines = Object.entries({ ...SETTINGS, ...settings }).map(([name, value]) => `${name} = ${quoted(value)}`)
  await writeAs(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`, account)
}

/** The server follows this primary; with a running server a reload is needed. */
export async function follow(
  data: string,
  primary: { port: number; password: string; name: string },
  account: Account | undefined,
): Promise<void> {
  const { port, password, name } = primary
  const info = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${password} application_name=${name} connect_timeout=5`
  await writeAs(join(data, 'postgresql.auto.conf'), `primary_conninfo = ${quoted(info)}\n`, account)
  await writeAs(join(data, 'standby.signal'), '', account)
}

export async function writeAs(path: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  if (account !== undefined) await chown(path, account.uid, account.gid)
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
