import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { anyCommands, anyOptions } from './commands.ts'
import { Harness, until } from './harness.ts'

export interface ModelRun {
  readonly programs: number
  readonly seed: number
  /** So many programs run side by side, each with a server of its own. */
  readonly lanes: number
  readonly onProgress?: (done: number) => void
}

export interface ModelReport {
  readonly programs: number
  readonly commands: number
  /** What did not hold, with the shortest program that shows it; whose fault a stray error was, is known of one lane only. */
  readonly violations: readonly string[]
}

/** What is closed leaves the process in a moment; a cancel request that nobody answers, in two seconds. */
const LEAVE_MS = 3_000
/** A program that does not end is a violation, too. */
const PROGRAM_MS = 30_000
/** A shorter program that fails is looked for so long. */
const SHRINKING_MS = 30_000

/** Runs random programs against one server's connections and a server that misbehaves. */
export async function runModel({ programs, seed, lanes, onProgress }: ModelRun): Promise<ModelReport> {
  const strays: string[] = []
  const stray = (what: string) => (error: unknown) => void strays.push(`${what}: ${String(error)}`)
  const heard = {
    rejection: stray('an unhandled rejection'),
    exception: stray('an uncaught exception'),
    warning: stray('a warning'),
  }
  process.on('unhandledRejection', heard.rejection)
  process.on('uncaughtException', heard.exception)
  process.on('warning', heard.warning)
  const before = resources()
  let done = 0
  let commands = 0
  const count = (ran: number): void => {
    commands += ran
    done++
    onProgress?.(done)
  }
  const violations: string[] = []
  try {
    const each = Math.ceil(programs / lanes)
    const details = await Promise.all(
      Array.from({ length: lanes }, (_, lane) => runLane(each, (seed + lane) | 0, lanes === 1 ? strays : [], count)),
    )
    violations.push(...details.flatMap(failureOf))
    if (!(await until(() => resources() <= before, LEAVE_MS))) {
      violations.push(`what held the process: ${before} before, and ${resources()} after: ${shown()}`)
    }
  } finally {
    process.off('unhandledRejection', heard.rejection)
    process.off('uncaughtException', heard.exception)
    process.off('warning', heard.warning)
  }
  return { programs: done, commands, violations: [...violations, ...new Set(strays)] }
}

function runLane(
  programs: number,
  seed: number,
  strays: readonly string[],
  count: (ran: number) => void,
): Promise<fc.RunDetails<unknown>> {
  let failedAt = Infinity
  const property = fc.asyncProperty(anyOptions, anyCommands, fc.boolean(), async (options, commands, destroys) => {
    if (performance.now() - failedAt > SHRINKING_MS) return
    const known = strays.length
    const harness = await Harness.start(options)
    let ran = 0
    const counted = (function* () {
      for (const command of commands) {
        ran++
        yield command
      }
    })()
    try {
      const work = fc.asyncModelRun(() => ({ model: {}, real: harness }), counted)
      await within(work, PROGRAM_MS)
      await within(harness.rest(destroys), PROGRAM_MS)
    } catch (error) {
      failedAt = Math.min(failedAt, performance.now())
      throw error
    } finally {
      harness.connections.destroy()
      await harness.server.stop()
    }
    count(ran)
    const all = [...harness.violations, ...strays.slice(known)]
    if (all.length === 0) return
    failedAt = Math.min(failedAt, performance.now())
    throw new Error(all.join('; '))
  })
  return fc.check(property, { numRuns: programs, seed }) as Promise<fc.RunDetails<unknown>>
}

function failureOf(detail: fc.RunDetails<unknown>): string[] {
  if (!detail.failed) return []
  const { errorInstance: error } = detail
  return [`${error instanceof Error ? error.message : String(error)}\n${fc.defaultReportMessage(detail)}`]
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const controller = new AbortController()
  const late = sleep(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`it has not ended after ${ms} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    controller.abort()
  }
}

function shown(): string {
  return process.getActiveResourcesInfo().join(', ')
}

/** Sockets and timers that keep the process alive. */
function resources(): number {
  return process.getActiveResourcesInfo().filter((each) => /TCP|Timeout/.test(each)).length
}
