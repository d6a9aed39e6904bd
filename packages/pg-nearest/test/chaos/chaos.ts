import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { chaosText } from './report-text.ts'
import { isViolated } from './report.ts'
import { chaosWorld, runChaos } from './run.ts'

const USAGE = `npm run chaos [-- options]

Apps in three of five regions read and write steadily while servers die, freeze, lag and are cut off, and the primary is
promoted away again and again. Counts every write in the end, and measures how long it takes until all is well again. Exit
code 1: something was lost, done twice, refused and done all the same, stale, or a read failed.

  --minutes <n>  how long faults come; default 10
  --seconds <n>  the same, in seconds
  --seed <n>     the same faults in the same order as an earlier run; default: any
  --hedge        ask a second server, too, when a read takes long
  --json         print the report as JSON
  --help`

interface Options {
  readonly seconds: number
  readonly seed: number
  readonly hedge: boolean
  readonly json: boolean
}

class UsageError extends Error {}

try {
  const options = parse(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else process.exitCode = await chaos(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
// Left to itself, Node 20 may spin for ever while it frees sockets that the faults have left half open.
process.exit()

async function chaos({ seconds, seed, hedge, json }: Options): Promise<number> {
  await using world = await chaosWorld()
  const ending = new AbortController()
  const stop = (): void => ending.abort()
  process.once('SIGINT', stop)
  const started = performance.now()
  if (!json) console.log(`Seed ${seed}.`)
  try {
    const report = await runChaos(world, {
      seed,
      seconds,
      hedge,
      signal: ending.signal,
      onProgress: ({ operations, broken }) => {
        const share = Math.min(100, Math.floor((performance.now() - started) / 10 / seconds))
        progress(`${share} %, ${operations} operations, ${broken ?? 'nothing is broken'}`)
      },
    })
    progress('')
    console.log(json ? JSON.stringify(report, undefined, 2) : chaosText(report))
    if (!isViolated(report)) return 0
    console.error(`Again with: npm run chaos -- --seconds ${seconds} --seed ${seed}${hedge ? ' --hedge' : ''}`)
    return 1
  } finally {
    process.off('SIGINT', stop)
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

function parse(args: string[]): Options | undefined {
  const { minutes, seconds, seed, hedge = false, json = false, help = false } = parsed(args)
  if (help) return undefined
  if (minutes !== undefined && seconds !== undefined) throw new UsageError('Either --minutes or --seconds, not both.')
  return {
    seconds: seconds === undefined ? 60 * positive('minutes', minutes ?? '10') : positive('seconds', seconds),
    seed: seed === undefined ? randomInt(2 ** 31) : seedFrom(seed),
    hedge,
    json,
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        minutes: { type: 'string' },
        seconds: { type: 'string' },
        seed: { type: 'string' },
        hedge: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${name} takes a number greater than 0.`)
}

function seedFrom(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value < 2 ** 32) return value
  throw new UsageError('--seed takes a whole number below 4294967296.')
}
