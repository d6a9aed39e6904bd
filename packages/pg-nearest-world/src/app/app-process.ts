import { spawn, type ChildProcess } from 'node:child_process'
import { gone, membersOf, signal } from '../cluster/process-tree.ts'
import { guardGroup } from './process-guard.ts'
import { linePrefixer } from './line-prefixer.ts'
import { restartDelay } from './restart-delay.ts'

export interface AppProcessOptions {
  /** For a shell. */
  readonly command: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly prefix: string
  /** After SIGTERM, until SIGKILL. */
  readonly graceMs: number
  print(line: string): void
}

/** A command that is started again whenever it ends. */
export interface AppProcess {
  /** Ends it (SIGTERM, and SIGKILL later) and starts it at once. */
  restart(): Promise<void>
  /** Ends it for good. Idempotent. */
  stop(): Promise<void>
}

export function startAppProcess({
  command,
  folder,
  environment,
  prefix,
  graceMs,
  print,
}: AppProcessOptions): AppProcess {
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  let waiting: NodeJS.Timeout | undefined
  let delayMs = 0
  /** Its end is wanted. */
  let ending = false
  let stopped = false
  let restarting: Promise<void> | undefined

  const start = (): void => {
    waiting = undefined
    ending = false
    const begun = performance.now()
    // A group of its own, so that what a shell or npm has started ends with it.
    const started = spawn(command, {
      cwd: folder,
      env: { ...process.env, ...environment },
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const callOff = started.pid === undefined ? () => undefined : guardGroup(started.pid)
    child = started
    for (const stream of [started.stdout, started.stderr]) {
      const lines = linePrefixer(prefix, print)
      stream.setEncoding('utf8').on('data', lines.write).on('close', lines.end)
    }
    ended = new Promise((resolve) => {
      const over = (how: string): void => {
        if (child !== started) return
        child = undefined
        callOff()
        resolve()
        if (ending) return
        if (started.pid !== undefined) signal(-started.pid, 'SIGKILL')
        delayMs = restartDelay(delayMs, performance.now() - begun)
        print(`${prefix}ended ${how}; again in ${delayMs} ms`)
        waiting = setTimeout(start, delayMs)
      }
      started.once('error', (error) => over(`before it began (${error.message})`))
      started.once('exit', (code, name) => over(name === null ? `with code ${code}` : `by ${name}`))
    })
  }

  const end = async (): Promise<void> => {
    clearTimeout(waiting)
    const pid = child?.pid
    if (pid === undefined) return
    ending = true
    // A shell may end before what it has started has.
    const members = await membersOf(pid)
    signal(-pid, 'SIGTERM')
    await gone(members, graceMs)
    signal(-pid, 'SIGKILL')
    await ended
  }

  start()
  return {
    restart() {
      // A file that is written tells so more than once, and a second start would leave the first one running.
      restarting ??= end().then(() => {
        restarting = undefined
        delayMs = 0
        if (!stopped) start()
      })
      return restarting
    },
    async stop() {
      stopped = true
      await Promise.all([end(), restarting])
    },
  }
}
