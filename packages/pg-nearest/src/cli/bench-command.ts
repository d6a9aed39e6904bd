import { writerOf } from '../examination/server-endpoint.ts'
import { createPool } from '../pool/create-pool.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { RoutedPool } from '../routed-pool/routed-pool.ts'
import type { ServerStatus } from '../servers/status.ts'
import { remarkOnQuery } from '../cli-options/check-bench-query.ts'
import { benchText } from './bench-table.ts'
import { errorText } from '../cli-options/error-text.ts'
import { measure, type Figures } from './measure-latency.ts'
import { progressBar } from '../terminal/progress-bar.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { serverFlags } from '../cli-options/server-options.ts'
import { serversToAsk } from '../cli-options/servers-to-ask.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { benchUsage } from '../cli-options/usage.ts'
import { UsageError } from '../cli-options/usage-error.ts'

interface BenchRequest {
  readonly query: string
  readonly timeMs: number
  readonly warmupMs: number
}

interface Failure {
  readonly name: string
  readonly error: string
}

/** `pg-nearest bench`. Resolves with the exit code. */
export async function benchCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseOptions('bench', {
    args: [...argv],
    options: {
      ...serverFlags,
      query: { type: 'string', default: 'select 1' },
      time: { type: 'string', default: '5' },
      warmup: { type: 'string', default: '2' },
      json: { type: 'boolean' },
      markdown: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    terminal.print(benchUsage)
    return 0
  }
  const request: BenchRequest = {
    query: values.query,
    timeMs: seconds(values.time, '--time', 0.1),
    warmupMs: seconds(values.warmup, '--warmup', 0),
  }
  const remark = remarkOnQuery(request.query)
  if (remark !== undefined) terminal.complain(`pg-nearest: ${remark}`)
  // Eventual, so that what one region has shown is not required of the others.
  const pool = createPool({ ...(await serversToAsk(values, terminal)), consistency: 'eventual' })
  try {
    const { figures, failures } = await benchAll(pool, request, terminal)
    if (values.json === true) terminal.print(JSON.stringify({ ...request, figures, failures }))
    else if (figures.length > 0) terminal.print(benchText(figures, values.markdown === true, terminal.columns))
    for (const [error, names] of byError(failures)) terminal.complain(`${names.join(', ')}: ${error}`)
    if (figures.length === 0) return 3
    return failures.length > 0 ? 1 : 0
  } finally {
    await pool.end()
  }
}

async function benchAll(
  pool: NearestPool,
  { query, timeMs, warmupMs }: BenchRequest,
  terminal: Terminal,
): Promise<{ figures: Figures[]; failures: Failure[] }> {
  const targets = benchTargets(pool, (await pool.refresh()).servers)
  const figures: Figures[] = []
  const failures: Failure[] = []
  for (const [i, { name, handle, server }] of targets.entries()) {
    const stopDrawing = draw(terminal, name, i, targets.length, warmupMs + timeMs)
    try {
      const work = async (): Promise<void> => {
        const { servedBy } = await handle.query(query)
        if (servedBy.region !== server) throw new Error(elsewhere(pool, name, servedBy.server))
      }
      figures.push(await measure(name, work, { timeMs, warmupMs, signal: terminal.interrupted }))
    } catch (error) {
      // Without tinybench no server can be measured.
      if (terminal.interrupted.aborted || error instanceof UsageError) throw error
      failures.push({ name, error: errorText(error) })
    } finally {
      stopDrawing()
    }
  }
  return { figures, failures }
}

function elsewhere(pool: NearestPool, name: string, by: string): string {
  const { problem = `${name} does not answer.` } =
    pool.status().servers.find((server) => server.name === name || server.region === name) ?? {}
  return `${problem} (${by} answered instead.)`
}

/** One line for what is the same everywhere. */
function byError(failures: readonly Failure[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const { name, error } of failures) names.set(error, [...(names.get(error) ?? []), name])
  return names
}

interface BenchTarget {
  readonly name: string
  readonly handle: RoutedPool
  /** The region that must have answered. */
  readonly server: string | undefined
}

/** The server that takes the writes, whichever that is by now, and each region that has another. */
function benchTargets(pool: NearestPool, servers: readonly ServerStatus[]): BenchTarget[] {
  const primary = writerOf(servers) ?? servers.find(({ declared }) => declared === 'primary')
  const others = servers.flatMap(({ name, region }) => (name === primary?.name || region === undefined ? [] : [region]))
  return [
    { name: primary?.name ?? 'primary', handle: pool.primary, server: primary?.region },
    ...[...new Set(others)].map((region) => ({ name: region, handle: pool.replica(region), server: region })),
  ]
}

/** Draws the progress until the returned function is called. */
function draw(terminal: Terminal, name: string, i: number, count: number, expectedMs: number): () => void {
  const started = performance.now()
  const update = (): void => {
    const here = Math.min(1, (performance.now() - started) / expectedMs)
    terminal.progress(progressBar((i + here) / count, `Benchmarking ${name}...`))
  }
  update()
  const timer = setInterval(update, 100)
  return () => {
    clearInterval(timer)
    terminal.progress('')
  }
}

function seconds(text: string, flag: string, least: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= least && value <= 3_600) return value * 1_000
  throw new UsageError(`${flag} takes seconds, from ${least} to 3600.`)
}
