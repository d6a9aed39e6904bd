import { spawn, type ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { WorldError } from '../world-error.ts'
import type { Account } from './account.ts'
import { ask } from './ask.ts'
import type { Binaries } from './binaries.ts'
import { cleanEnvironment } from './command.ts'
import { SUPERUSER } from './data-directory.ts'
import { childrenOf, gone, signal } from './processes.ts'
import { freeSharedMemory } from './shared-memory.ts'

/** One PostgreSQL server of a world. */
export interface Server {
  readonly region: string
  readonly data: string
  readonly port: number
  readonly running: boolean
  /** Of its main process. */
  readonly pid: number | undefined
  url(database?: string, port?: number): string
  /** Resolves when it answers. */
  start(): Promise<void>
  /** SIGKILL to all of its processes. */
  kill(): Promise<void>
  /** Ends it at once, and lets it clean up behind itself. */
  stop(): Promise<void>
  /** Reads its configuration again. */
  reload(): void
}

export interface ServerOptions {
  readonly region: string
  readonly data: string
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly password: string
  readonly database: string
}

const PATIENCE_MS = 30_000
/** Of what a server has said, as much as helps. */
const LAST_WORDS = 2_000

export async function createServer(options: ServerOptions): Promise<Server> {
  const { region, data, binaries, account, password, database } = options
  let port = await getPort({ host: '127.0.0.1' })
  let child: ChildProcess | undefined
  let words = ''

  const url = (name = database, at = port): string => `postgres://${SUPERUSER}:${password}@127.0.0.1:${at}/${name}`
  const pid = (): number | undefined => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined)

  const launch = (): void => {
    words = ''
    const started = spawn(binaries.postgres, ['-D', data, '-p', String(port)], {
      ...account,
      cwd: data,
      env: cleanEnvironment(),
      // A group of its own: Ctrl-C in a terminal is the world's to handle.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    started.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-LAST_WORDS)))
    started.on('error', (error) => (words += error.message))
    child = started
  }

  const failed = (what: string, cause?: unknown): WorldError =>
    new WorldError('WORLD_SERVER_FAILED', `The server in ${region} ${what}. ${words.trim()}`, { cause })

  const answers = async (): Promise<void> => {
    const end = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        await ask(url('postgres'), 'select 1')
        return
      } catch (error) {
        if (pid() === undefined) throw failed('did not start', error)
        if (performance.now() > end) throw failed(`did not answer within ${PATIENCE_MS / 1_000} s`, error)
      }
      await sleep(10)
    }
  }

  const endBy = async (name: NodeJS.Signals, andChildren: boolean): Promise<void> => {
    const main = pid()
    if (main === undefined) return
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
      return port
    },
    get pid() {
      return pid()
    },
    get running() {
      return pid() !== undefined
    },
    url,
    async start() {
      await rm(join(data, 'postmaster.pid'), { force: true })
      launch()
      try {
        await answers()
      } catch (error) {
        if (!/Address already in use|could not bind/.test(words)) throw error
        // Another process took the port between the asking and the starting.
        port = await getPort({ host: '127.0.0.1' })
        launch()
        await answers()
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
  }
}
