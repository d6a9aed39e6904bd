import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, constants, mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { reservePort } from '../../../pg-nearest-world/src/cluster/reserve-port.ts'

/** A program of Debian's, if it is installed. */
export function programAt(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

/** The newest of Debian's PostgreSQLs. */
export function postgresBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  try {
    const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(root, version, 'bin')).find((bin) => isProgram(join(bin, 'initdb')))
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whom servers run as that refuse to run as root. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** `undefined`: ourselves will do. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
    try {
      return { name, uid: id('-u'), gid: id('-g') }
    } catch {
      continue
    }
  }
  throw new Error('There is neither a user "postgres" nor "nobody" to run servers as.')
}

/** A folder that this account may write in. */
export function folderFor(account: Account | undefined, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `pg-nearest-${name}-`))
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  return folder
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Nobody else of these tests gets it before this process ends: what listens there may be killed, and started again. */
export async function freePort(): Promise<number> {
  return (await reservePort()).port
}

/** A program that runs until it is killed. What it said last is in `said`. */
export class Program {
  readonly #child: ChildProcess
  #said = ''

  constructor(path: string, args: readonly string[], account: Account | undefined, env: Record<string, string> = {}) {
    this.#child = spawn(path, args, {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const hear = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString()).slice(-4_000)
    }
    this.#child.stdout?.on('data', hear)
    this.#child.stderr?.on('data', hear)
    this.#child.on('error', (error) => (this.#said += String(error)))
  }

  get said(): string {
    return this.#said
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Stops it (`SIGSTOP`), or lets it go on (`SIGCONT`). */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.running) return
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exited
  }
}
