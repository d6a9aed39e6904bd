import { createHash, randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OsUser } from './os-user.ts'
import type { Binaries } from './binaries.ts'
import { cached } from './cache-folder.ts'
import { runProgram } from './run-program.ts'

/** An initialised data directory to unpack, and the password of both roles in it. */
export interface Template {
  /** Unpacking one file takes half as long as copying 1,300. */
  readonly archive: string
  readonly password: string
}

export const SUPERUSER = 'postgres'
/** What an app has where databases are rented: it owns its database, and may do nothing else. */
export const APP_ROLE = 'app'
const ARCHIVE = 'data.tar'
/** The template contains this one already. */
export const DEFAULT_DATABASE = 'app'
/** Small WAL segments: a third less to unpack for each region. */
const INITDB = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--wal-segsize=1',
  '--no-sync',
  '--no-instructions',
]

/**
 * The least of what a standby may not have less of than its primary had: the template remembers what it was made with, so that no
 * setting of a world's is too low for its replicas.
 */
const LEAST = [
  'max_connections=1',
  'max_worker_processes=0',
  'max_wal_senders=0',
  'max_prepared_transactions=0',
  'max_locks_per_transaction=10',
].flatMap((setting) => ['-c', setting])

/** The data directory that `initdb` made in an earlier run. If there is none, makes it and keeps it for later runs. */
export async function cachedTemplate(binaries: Binaries, osUser: OsUser | undefined): Promise<Template> {
  const made = createHash('sha256')
    .update(['tar', ...INITDB, ...LEAST, ...cheapPasswords(binaries), APP_ROLE].join(' '))
    .digest('hex')
    .slice(0, 8)
  const name = `data-${binaries.version}-${osUser?.uid ?? process.getuid?.() ?? 'own'}-${made}`
  return read(await cached(name, (draft) => initialise(draft, binaries, osUser)))
}

/** Initialises a new cluster in a new folder. */
export async function freshTemplate(folder: string, binaries: Binaries, osUser: OsUser | undefined): Promise<Template> {
  await mkdir(folder, { mode: 0o755 })
  await initialise(folder, binaries, osUser)
  return read(folder)
}

async function read(folder: string): Promise<Template> {
  return { archive: join(folder, ARCHIVE), password: await readFile(join(folder, 'password'), 'utf8') }
}

async function initialise(folder: string, binaries: Binaries, osUser: OsUser | undefined): Promise<void> {
  const { postgres, initdb } = binaries
  const data = join(folder, 'data')
  const password = join(folder, 'password')
  await mkdir(data, { mode: 0o700 })
  const secret = randomBytes(18).toString('base64url')
  await writeFile(password, secret, { mode: 0o600 })
  if (osUser !== undefined) for (const path of [data, password]) await chown(path, osUser.uid, osUser.gid)
  await runProgram(
    initdb,
    ['-D', data, `--username=${SUPERUSER}`, `--pwfile=${password}`, ...INITDB, ...cheapPasswords(binaries)],
    osUser,
  )
  await runProgram(
    postgres,
    ['--single', '-F', ...LEAST, ...cheapPasswords(binaries), '-D', data, 'postgres'],
    osUser,
    `create role ${APP_ROLE} login password '${secret}'\ncreate database ${DEFAULT_DATABASE} owner ${APP_ROLE}\n`,
  )
  const archive = join(folder, ARCHIVE)
  await writeAs(archive, '', osUser)
  await runProgram('tar', ['-cf', archive, '-C', data, '.'], undefined)
  await rm(data, { recursive: true })
  if (osUser !== undefined) await chown(password, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
}

/** Nobody guesses at a password of 144 random bits: hashing it 4,096 times is a tenth of what a connection costs. */
function cheapPasswords({ version }: Binaries): readonly string[] {
  return Number.parseInt(version, 10) < 16 ? [] : ['-c', 'scram_iterations=1']
}

/** Makes a data directory for a server. */
export async function unpackTemplate({ archive }: Template, to: string, osUser: OsUser | undefined): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  if (osUser !== undefined) await chown(to, osUser.uid, osUser.gid)
  await runProgram('tar', ['-xf', archive, '-C', to], osUser)
}

/**
 * Without fsync: what a killed server has acknowledged survives in the operating system's cache, and a world does not survive
 * a crash of the machine. Time-outs are short, so that replicas reconnect soon.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // In files of the data directory, which are removed with it even after a SIGKILL.
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

/** Three processes less for each server, of majors that have them. */
function withoutIoWorkers({ version }: Binaries): Record<string, string> {
  return Number.parseInt(version, 10) < 18 ? {} : { io_method: 'sync' }
}

/** Writes a server's settings into its data directory. */
export async function configure(
  data: string,
  binaries: Binaries,
  settings: Readonly<Record<string, string>>,
  osUser: OsUser | undefined,
): Promise<void> {
  const lines = Object.entries({ ...SETTINGS, ...withoutIoWorkers(binaries), ...settings }).map(
    ([name, value]) => `${name} = ${quoted(value)}`,
  )
  await writeAs(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`, osUser)
}

/** Makes the server a replica of this primary. A running server must be reloaded for it to take effect. */
export async function follow(
  data: string,
  primary: { port: number; password: string; name: string },
  osUser: OsUser | undefined,
): Promise<void> {
  const { port, password, name } = primary
  const info = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${password} application_name=${name} connect_timeout=5`
  await writeAs(join(data, 'postgresql.auto.conf'), `primary_conninfo = ${quoted(info)}\n`, osUser)
  await writeAs(join(data, 'standby.signal'), '', osUser)
}

export async function writeAs(path: string, text: string, osUser: OsUser | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  if (osUser !== undefined) await chown(path, osUser.uid, osUser.gid)
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
