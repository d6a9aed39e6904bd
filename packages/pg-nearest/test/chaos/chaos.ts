import { positiveNumber, seedNumber } from '../command-line/numbers.ts'
import { progress } from '../command-line/progress.ts'
import { runCommand } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
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

await runCommand(
  USAGE,
  {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    hedge: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  ({ minutes, seconds, seed, hedge, json }) => {
    if (minutes !== undefined && seconds !== undefined) throw new UsageError('Either --minutes or --seconds, not both.')
    return chaos({
      seconds:
        seconds === undefined ? 60 * positiveNumber('minutes', minutes ?? '10') : positiveNumber('seconds', seconds),
      seed: seedNumber(seed),
      hedge,
      json,
    })
  },
)
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
