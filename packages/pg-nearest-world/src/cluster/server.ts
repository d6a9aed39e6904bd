import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorldError } from '../world-error.ts'
import type { OsUser } from './os-user.ts'
import type { Binaries } from './binaries.ts'
import { cleanEnvironment } from './run-program.ts'
import { APP_ROLE, SUPERUSER } from './data-directory.ts'
import { childrenOf, gone, signal } from './process-tree.ts'
import { reserveFixedPort, reservePort } from './reserve-port.ts'
import { freeSharedMemory } from './shared-memory.ts'

/** One PostgreSQL server of a world. */
export interface Server {
  readonly region: string
  readonly data: string
  readonly port: number
  /** The port, if the server listens on it now. While it is down, another program might. */
  readonly listeningPort: number | undefined
  readonly running: boolean
  /** The process id of the main process. */
  readonly pid: number | undefined
  /** For an app, at this port. */
  url(port?: number): string
  /** For the superuser. */
  adminUrl(database?: string, port?: number): string
  /** Resolves when it answers. */
  start(): Promise<void>
  /** Sends SIGKILL to all of its processes. */
  kill(): Promise<void>
  /** Shuts it down at once, but lets it clean up (SIGQUIT). */
  stop(): Promise<void>
  /** Makes it read its configuration again. */
  reload(): void
  /** Gives up the reserved port, once the server will not start again. */
  releasePort(): Promise<void>
}

export interface ServerOptions {
  readonly region: string
  readonly data: string
  readonly binaries: Binaries
  readonly osUser: OsUser | undefined
  readonly password: string
  readonly database: string
  /** `undefined`: any that is free. */
  readonly port: number | undefined
}

const STARTS_WITHIN_MS = 30_000
/** Characters of a server's last output, for the message when it does not start. */
const KEPT_OUTPUT = 2_000

export async function createServer(options: ServerOptions): Promise<Server> {
  const { region, data, binaries, osUser, password, database, port } = options
  let reserved = await (port === undefined ? reservePort() : reserveFixedPort(port))
  let child: ChildProcess | undefined
  /** Resolves when the child has ended and all that it wrote has been read. */
  let ended: Promise<unknown> = Promise.resolve()
  let lastOutput = ''

  const urlOf = (role: string, name = database, at = reserved.port): string =>
    `postgres://${role}:${password}@127.0.0.1:${at}/${name}`
  const adminUrl = (name?: string, at?: number): string => urlOf(SUPERUSER, name, at)
  const pid = (): number | undefined => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined)

  const launch = (): void => {
    lastOutput = ''
    const started = spawn(binaries.postgres, ['-D', data, '-p', String(reserved.port)], {
      ...osUser,
      cwd: data,
      env: cleanEnvironment(),
      // In a process group of its own, so that Ctrl-C in a terminal reaches only this process.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    started.stderr.on('data', (chunk: Buffer) => (lastOutput = (lastOutput + chunk.toString()).slice(-KEPT_OUTPUT)))
    started.on('error', (error) => (lastOutput += error.message))
    ended = new Promise((resolve) => started.on('error', resolve).on('close', resolve))
    child = started
  }

  const failed = (what: string): WorldError =>
    new WorldError('WORLD_SERVER_FAILED', `The server in ${region} ${what}. ${lastOutput.trim()}`)

  const waitUntilItAnswers = async (): Promise<void> => {
    const deadline = performance.now() + STARTS_WITHIN_MS
    while (!isReady(data, pid())) {
      if (pid() === undefined) {
        await ended
        throw failed('did not start')
      }
      if (performance.now() > deadline) throw failed(`did not answer within ${STARTS_WITHIN_MS / 1_000} s`)
      // oxlint-disable-next-line no-await-in-loop -- a poll
      await sleep(5)
    }
  }

  const endBy = async (name: NodeJS.Signals, andChildren: boolean): Promise<void> => {
    const main = pid()
    if (main === undefined) return
    // A stopped server cannot fork while its children are listed. A child missed here would survive the kill.
    if (andChildren) signal(main, 'SIGSTOP')
    const children = andChildren ? await childrenOf(main) : []
    const exited = new Promise((resolve) => child?.once('exit', resolve))
    signal(main, name)
    for (const each of children) signal(each, name)
    await Promise.race([exited, sleep(5_000, undefined, { ref: false })])
    if (pid() !== undefined) signal(main, 'SIGKILL')
    await gone(children, 5_000)
  }

  return {
    region,
    data,
    get port() {
      return reserved.port
    },
    get listeningPort() {
      return listens(data, pid()) ? reserved.port : undefined
    },
    get pid() {
      return pid()
    },
    get running() {
      return pid() !== undefined
    },
    url: (at) => urlOf(APP_ROLE, database, at),
    adminUrl,
    async start() {
      await rm(join(data, 'postmaster.pid'), { force: true })
      launch()
      try {
        await waitUntilItAnswers()
      } catch (error) {
        if (port !== undefined || !/Address already in use|could not bind/.test(lastOutput)) throw error
        // Another program listens on the port.
        await reserved.release()
        reserved = await reservePort()
        launch()
        await waitUntilItAnswers()
      }
    },
    async kill() {
      await endBy('SIGKILL', true)
      await freeSharedMemory(data)
    },
    async stop() {
      if (pid() === undefined) return
      await endBy('SIGQUIT', false)
    },
    reload() {
      const main = pid()
      if (main !== undefined) signal(main, 'SIGHUP')
    },
    releasePort: () => reserved.release(),
  }
}

/** The first line of a server's pid file is its process id. Line 6 is its listen address, once it listens. */
function listens(data: string, pid: number | undefined): boolean {
  const address = linesOfPidFile(data, pid)?.[5]
  return address !== undefined && address !== ''
}

/** Line 8 tells how far it has come: what `pg_ctl` waits for. A query to the port might be answered by another world's server. */
function isReady(data: string, pid: number | undefined): boolean {
  return linesOfPidFile(data, pid)?.[7]?.trim() === 'ready'
}

/** `undefined` unless it is this process's. */
function linesOfPidFile(data: string, pid: number | undefined): readonly string[] | undefined {
  if (pid === undefined) return undefined
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return Number(lines[0]) === pid ? lines : undefined
  } catch {
    return undefined
  }
}
