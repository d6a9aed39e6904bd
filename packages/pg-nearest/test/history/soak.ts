import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startWorld, type World } from 'pg-nearest-world'
import type { Operation } from 'pg-nearest-world/chaos'
import { positiveNumber, seedNumber, wholeNumber } from '../command-line/numbers.ts'
import { progress } from '../command-line/progress.ts'
import { runCommand } from '../command-line/run-command.ts'
import { startNemesis } from './nemesis.ts'
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

await runCommand(
  USAGE,
  {
    operations: { type: 'string' },
    minutes: { type: 'string' },
    sessions: { type: 'string', default: '64' },
    seed: { type: 'string' },
    'no-guard': { type: 'boolean', default: false },
    'no-faults': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  (values) => {
    const minutes = values.minutes === undefined ? Infinity : positiveNumber('minutes', values.minutes)
    const enough = Number.isFinite(minutes) ? Infinity : 100_000
    return soak({
      minutes,
      operations: values.operations === undefined ? enough : wholeNumber('operations', values.operations),
      sessions: wholeNumber('sessions', values.sessions),
      seed: seedNumber(values.seed),
      guard: !values['no-guard'],
      faults: !values['no-faults'],
      json: values.json,
    })
  },
)

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
