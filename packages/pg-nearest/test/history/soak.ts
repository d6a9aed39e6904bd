import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { startNemesis } from './nemesis.ts'
import type { Operation } from './operation.ts'
import { reportOf, reportText, type Report } from './report.ts'
import { startWorkload } from './workload.ts'

const USAGE = `npm run soak [-- options]

Reads and writes from four regions at once while replicas die, lag and are cut off, and checks that every session read its
own writes and never an older version than before. Exit code 1: one did not.

  --operations <n>  how many; default 100000, or without end with --minutes
  --minutes <n>     stop after this time
  --sessions <n>    at the same time; default 64
  --seed <n>        makes the same choices as an earlier run; default: any
  --no-guard        with consistency "eventual": this must fail
  --no-faults       nothing breaks
  --json            print the report as JSON
  --help`

interface Options {
  readonly operations: number
  readonly minutes: number
  readonly sessions: number
  readonly seed: number
  readonly guard: boolean
  readonly faults: boolean
  readonly json: boolean
}

class UsageError extends Error {}

try {
  const options = parse(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else process.exitCode = await soak(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

async function soak(options: Options): Promise<number> {
  await using world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd', 'ams'],
    rtt: { 'nrt-ord': 30, 'nrt-syd': 40, 'nrt-ams': 60, 'ord-syd': 50, 'ord-ams': 20, 'syd-ams': 60 },
    // A client that was cut off in a transaction must not lock a register until it comes back.
    settings: { idle_in_transaction_session_timeout: '2s' },
  })
  const { report, history } = await run(world, options)
  console.log(options.json ? JSON.stringify(report, undefined, 2) : reportText(report))
  if (report.violations.length === 0) return 0
  console.error(`The history is in ${await keep(history, options.seed)}. Again with: --seed ${options.seed}`)
  return 1
}

async function run(world: World, options: Options): Promise<{ report: Report; history: readonly Operation[] }> {
  const { operations, minutes, sessions, seed, guard, faults } = options
  const ending = new AbortController()
  const stop = (): void => ending.abort()
  process.once('SIGINT', stop)
  const timer = Number.isFinite(minutes) ? setTimeout(stop, minutes * 60_000) : undefined
  if (!options.json) console.log(`Seed ${seed}.`)

  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1_000
  const { history, messages, done } = await startWorkload(world, {
    seed,
    operations,
    sessions,
    signal: ending.signal,
    pool: { consistency: guard ? 'session' : 'eventual' },
  })
  const nemesis = faults ? startNemesis(world, { seed }) : undefined
  const line = (): void => {
    const share = Math.max(history.length / operations, seconds() / (minutes * 60))
    const broken = nemesis?.current.join(', ') ?? ''
    progress(`${Math.floor(Math.min(1, share) * 100)} %, ${history.length} operations, ${broken || 'all well'}`)
  }
  const ticker = setInterval(line, 200)
  try {
    await done
  } finally {
    clearInterval(ticker)
    clearTimeout(timer)
    process.off('SIGINT', stop)
    progress('')
    await nemesis?.stop()
  }
  const report = reportOf({ seed, seconds: seconds(), history, messages, inflicted: nemesis?.inflicted ?? [] })
  return { report, history }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

async function keep(history: readonly Operation[], seed: number): Promise<string> {
  const path = join(tmpdir(), `pg-nearest-history-${seed}.jsonl`)
  const file = createWriteStream(path)
  for (const operation of history) {
    if (!file.write(`${JSON.stringify(operation)}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
  return path
}

function parse(args: string[]): Options | undefined {
  const values = parsed(args)
  if (values.help === true) return undefined
  const minutes = positive('minutes', values.minutes) ?? Infinity
  return {
    minutes,
    operations: whole('operations', values.operations) ?? (Number.isFinite(minutes) ? Infinity : 100_000),
    sessions: whole('sessions', values.sessions) ?? 64,
    seed: seedFrom(values.seed),
    guard: values['no-guard'] !== true,
    faults: values['no-faults'] !== true,
    json: values.json === true,
  }
}

interface Values {
  readonly operations?: string | undefined
  readonly minutes?: string | undefined
  readonly sessions?: string | undefined
  readonly seed?: string | undefined
  readonly 'no-guard'?: boolean | undefined
  readonly 'no-faults'?: boolean | undefined
  readonly json?: boolean | undefined
  readonly help?: boolean | undefined
}

function parsed(args: string[]): Values {
  try {
    return parseArgs({
      args,
      options: {
        operations: { type: 'string' },
        minutes: { type: 'string' },
        sessions: { type: 'string' },
        seed: { type: 'string' },
        'no-guard': { type: 'boolean' },
        'no-faults': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${name} takes a number greater than 0.`)
}

function whole(name: string, text: string | undefined): number | undefined {
  const value = positive(name, text)
  if (value === undefined || Number.isInteger(value)) return value
  throw new UsageError(`--${name} takes a whole number.`)
}

function seedFrom(text: string | undefined): number {
  if (text === undefined) return randomInt(2 ** 31)
  const value = Number(text)
  if (/^\d+$/.test(text) && value < 2 ** 32) return value
  throw new UsageError('--seed takes a whole number below 4294967296.')
}
