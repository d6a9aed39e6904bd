import { seedNumber, wholeNumber } from '../command-line/numbers.ts'
import { progress } from '../command-line/progress.ts'
import { runCommand } from '../command-line/run-command.ts'
import { differentialText, findingText } from './report.ts'
import { runDifferential } from './run.ts'

const USAGE = `npm run differential [-- options]

Random programs for a borrowed client (transactions, savepoints, errors, cursors, streams, COPY, named statements; awaited or
not), played once through pg-nearest in a world with two replicas and once through pg's own client on the primary alone. All
that their user sees is compared, and what is in the tables in the end. Exit code 1: something undocumented differs.

  --operations <n>  how many statements on each side; default 20000
  --seed <n>        the same programs as an earlier run; default: any
  --program <n>     only this one of the seed's programs
  --bound <s>       how long one statement may take, in seconds; default 10
  --limit <n>       end after so many programs that differ; default 200
  --no-streams      without cursors, query streams, COPY and pg's option rows
  --no-shrink       tell programs as they are
  --against-pg      pg's own client on both sides: this must find nothing
  --json            print the report as JSON
  --help`

interface Options {
  readonly operations: number
  readonly seed: number
  readonly program: number | undefined
  readonly bound: number
  readonly limit: number
  readonly streams: boolean
  readonly shrink: boolean
  readonly againstPg: boolean
  readonly json: boolean
}

await runCommand(
  USAGE,
  {
    operations: { type: 'string', default: '20000' },
    seed: { type: 'string' },
    program: { type: 'string' },
    bound: { type: 'string', default: '10' },
    limit: { type: 'string', default: '200' },
    'no-streams': { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    'against-pg': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  (values) =>
    differential({
      operations: wholeNumber('operations', values.operations),
      seed: seedNumber(values.seed),
      program: values.program === undefined ? undefined : wholeNumber('program', values.program, 0),
      bound: wholeNumber('bound', values.bound),
      limit: wholeNumber('limit', values.limit),
      streams: !values['no-streams'],
      shrink: !values['no-shrink'],
      againstPg: values['against-pg'],
      json: values.json,
    }),
)

async function differential(options: Options): Promise<number> {
  const { operations, seed, program, bound, limit, streams, againstPg, json } = options
  const ending = new AbortController()
  const stop = (): void => ending.abort()
  process.once('SIGINT', stop)
  if (!json) console.log(`Seed ${seed}.`)
  const report = await runDifferential({
    seed,
    operations,
    only: program,
    limit,
    streams,
    boundMs: bound * 1_000,
    shrinkRuns: options.shrink ? 120 : 0,
    against: againstPg ? 'pg' : 'pg-nearest',
    signal: ending.signal,
    onProgress: ({ operations: done, different }) => {
      const share = Math.min(100, Math.floor((done / operations) * 100))
      progress(`${share} %, ${done} statements, ${different} programs differ`)
    },
    onFinding: (finding) => {
      progress('')
      if (!json) console.log(`${findingText(finding)}\n`)
    },
  })
  process.off('SIGINT', stop)
  progress('')
  console.log(json ? JSON.stringify(report, undefined, 2) : differentialText(report))
  if (report.different === 0) return 0
  console.error(
    `Again with: npm run differential -- --operations ${operations} --seed ${seed}${streams ? '' : ' --no-streams'}`,
  )
  return 1
}
