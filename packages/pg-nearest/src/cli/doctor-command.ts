import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, styleText } from 'node:util'
import { createPool } from '../pool/create-pool.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { ServerStatus, Status } from '../servers/status.ts'
import { askReplay } from './ask-replay.ts'
import { checksOf, type Check } from './doctor-checks.ts'
import { serverFlags, serverOptions } from './server-options.ts'
import { exitCodeOf } from './status-command.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { doctorUsage } from './usage.ts'

/** What a healthy replica lacks it has received long before. */
const STALLED_AFTER_MS = 1_500

const DIAL_MS = 2_000
/** With few of them, all that lead to one machine may happen to be made before the others. */
const DIALS = 6
/** So that none of them is given the connection of another. */
const HOLD = 'select pg_catalog.pg_sleep(0.1)'

/** `pg-nearest doctor`. Resolves with the exit code. */
export async function doctorCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...serverFlags, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.print(doctorUsage)
    return 0
  }
  const options = await serverOptions(values, terminal.env)
  const pool = createPool({ ...options, stalledAfterMs: STALLED_AFTER_MS })
  try {
    const status = await examine(pool)
    const checks = checksOf(status, await askReplay(pool, status))
    terminal.print(values.json === true ? JSON.stringify({ checks }) : doctorText(checks, terminal.color))
    return Math.max(exitCodeOf(status), checks.some(({ verdict }) => verdict === 'bad') ? 1 : 0)
  } finally {
    await pool.end()
  }
}

/** Lag can be computed only once the primary's position is known, and a stall only from one answer to the next. */
async function examine(pool: NearestPool): Promise<Status> {
  await pool.refresh()
  await dialEach(pool)
  await pool.refresh()
  const status = await pool.refresh()
  if (!status.servers.some(mayBeLate)) return status
  await sleep(STALLED_AFTER_MS)
  return pool.refresh()
}

/** It lacks what the primary has, and has not shown yet what that had before. */
function mayBeLate({ stalledMs = 0, lagBytes = 0, stalenessMs }: ServerStatus): boolean {
  return stalledMs > 0 || (lagBytes > 0 && stalenessMs === undefined)
}

/** Several connections at once show whether a name leads to several machines. What fails the next probe tells. */
async function dialEach(pool: NearestPool): Promise<void> {
  const handles = [pool.primary, ...pool.replicas().values()]
  const asked = handles.flatMap((handle) =>
    Array.from({ length: DIALS }, () => handle.query({ text: HOLD, timeoutMs: DIAL_MS })),
  )
  await Promise.allSettled(asked)
}

const MARKS = { good: ['✓', 'green'], bad: ['✗', 'red'], unknown: ['?', 'yellow'] } as const

/** A line for each check, and how many are bad. */
export function doctorText(checks: readonly Check[], color: boolean): string {
  const rows = checks.map(({ server, verdict, message, code }) => {
    const [mark, style] = MARKS[verdict]
    return [color ? styleText(style, mark) : mark, server ?? '', code === undefined ? message : `${message} (${code})`]
  })
  const lines = table(
    ['', '', ''].map((name) => ({ name, align: 'left' as const })),
    rows,
  ).trimStart()
  return `${lines}\n\n${summary(checks)}`
}

function summary(checks: readonly Check[]): string {
  const count = (wanted: Check['verdict']): number => checks.filter(({ verdict }) => verdict === wanted).length
  const bad = count('bad')
  if (bad > 0) return bad === 1 ? 'One thing to fix.' : `${bad} things to fix.`
  return count('unknown') > 0 ? 'Nothing is wrong, as far as could be checked.' : 'All is well.'
}
