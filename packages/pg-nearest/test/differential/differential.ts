import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
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

class UsageError extends Error {}

try {
  const options = parse(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else process.exitCode = await differential(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

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

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

function parse(args: string[]): Options | undefined {
  const values = parsed(args)
  if (values.help === true) return undefined
  return {
    operations: whole('operations', values.operations, 1) ?? 20_000,
    seed: whole('seed', values.seed, 0) ?? randomInt(2 ** 31),
    program: whole('program', values.program, 0),
    bound: whole('bound', values.bound, 1) ?? 10,
    limit: whole('limit', values.limit, 1) ?? 200,
    streams: values['no-streams'] !== true,
    shrink: values['no-shrink'] !== true,
    againstPg: values['against-pg'] === true,
    json: values.json === true,
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        operations: { type: 'string' },
        seed: { type: 'string' },
        program: { type: 'string' },
        bound: { type: 'string' },
        limit: { type: 'string' },
        'no-streams': { type: 'boolean' },
        'no-shrink': { type: 'boolean' },
        'against-pg': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function whole(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value < 2 ** 32) return value
  throw new UsageError(`--${name} takes a whole number of at least ${least} and below 4294967296.`)
}
