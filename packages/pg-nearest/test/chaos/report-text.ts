import { KINDS, type Outcome } from 'pg-nearest-world/chaos'
import type { Spread } from './recovery.ts'
import { isViolated, type ChaosReport, type Failure, type ToldFinding } from './report.ts'

/** How many of a kind are told in full. */
const TOLD = 15
const OUTCOMES: readonly Outcome[] = ['ok', 'failed', 'unknown', 'aborted']

export function chaosText(report: ChaosReport): string {
  const { seed, counts, failures, fates, promotions, inflicted, recovery, takeover, guarantees, excused } = report
  const total = Object.values(counts)
    .flatMap((own) => Object.values(own))
    .reduce((sum, each) => sum + each, 0)
  return [
    `${number(total)} operations in ${report.seconds.toFixed(1)} s, ${inflicted.length} faults, ${promotions.length} promotions. Seed ${seed}.`,
    '',
    ...table([
      ['', ...OUTCOMES],
      ...KINDS.map((kind) => [kind as string].concat(OUTCOMES.map((outcome) => number(counts[kind]?.[outcome] ?? 0)))),
    ]),
    `Held back, because too many waited: ${number(report.heldBack)}.`,
    ...Object.entries(failures).map(
      ([code, { count, message }]) => `  ${code}: ${number(count)} × such as: ${message}`,
    ),
    '',
    'Milliseconds until the last app was well again, from the beginning of the fault:',
    ...table([
      ['fault', 'times', 'reads: min', 'median', 'max', 'writes: min', 'median', 'max'],
      ...Object.entries(recovery)
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([name, { reads, writes }]) => [name, number(reads.count)].concat(cells(reads), cells(writes))),
      ['from pg_promote’s end', number(takeover.count), '', '', '', ...cells(takeover)],
    ]),
    '',
    `Rows: ${number(fates.acknowledged)} acknowledged, of which the timeline did not keep ${number(fates.notKept)}; ${number(fates.refused)} refused.`,
    `      outcome unknown: ${number(fates.unknownThere)} there, ${number(fates.unknownAbsent)} not; given up: ${number(fates.abortedThere)} there, ${number(fates.abortedAbsent)} not.`,
    ...promotions.map(
      ({ what, at, promotedAfterMs }) => `  at ${seconds(at)}: ${what}, a primary after ${number(promotedAfterMs)} ms`,
    ),
    `Sessions: ${number(guarantees.violated['read-your-writes'])} of ${number(guarantees.bound['read-your-writes'])} bound reads did not show the session's writes, ${number(guarantees.violated['monotonic-reads'])} of ${number(guarantees.bound['monotonic-reads'])} went back.`,
    `  ${number(report.losses.length)} times a session was told that its position is lost: ${[...new Set(report.losses.map(({ session }) => session))].join(', ') || 'none'}.`,
    `  Excused of them: ${number(excused.byLoss)}, whose session was told by "position-lost" that a promotion lost what it knew; ${number(excused.byUnproven)} of a process' own session that said "unproven".`,
    `Reads that failed as they may: ${number(excused.reads.length)} (of a session with NEAREST_NO_SERVER or 08007; of a read-only transaction with NEAREST_CONNECTION_LOST).`,
    ...listed(excused.reads, failureText),
    '',
    ...(report.hungEnds > 0 ? [`✗ ${report.hungEnds} pools did not end.`] : []),
    ...listed(report.violations, findingText),
    isViolated(report) ? tallyText(report.violations) : '✓ Nothing was violated.',
  ].join('\n')
}

function tallyText(violations: readonly ToldFinding[]): string {
  const tally = new Map<string, number>()
  for (const { wrong, deed, stale } of violations) {
    const of = stale === undefined ? deed?.kind : stale.read.session.startsWith('process') ? 'a process' : 'a session'
    const what = of === undefined ? wrong : `${wrong} (${of})`
    tally.set(what, (tally.get(what) ?? 0) + 1)
  }
  const told = [...tally].map(([what, count]) => `${what} ${number(count)}`)
  return `✗ Violated: ${told.join(', ') || 'the end'}.`
}

export function findingText({ wrong, ids, deed, stale, during }: ToldFinding): string {
  const rows = ids === undefined ? '' : ` (rows ${ids.slice(0, 10).join(', ')})`
  if (stale !== undefined) {
    const { guarantee, earlier, read } = stale
    const told = ({ kind, version, invokedAt, completedAt, from, servedBy }: typeof read): string =>
      `${seconds(invokedAt)} to ${seconds(completedAt)}: ${kind} version ${version} from ${from} on ${servedBy?.server} (${servedBy?.reason})`
    return [
      `✗ ${guarantee}: session ${read.session}, register ${read.register}`,
      `    ${told(earlier)}`,
      `    ${told(read)}`,
      `    while: ${during.join('; ') || 'all was well'}`,
    ].join('\n')
  }
  return `✗ ${wrong}${rows}${deed === undefined ? '' : `: ${failureText(deed)}`}`
}

function failureText({ app, kind, at, ms, outcome, server, code, message, during }: Failure): string {
  const said = outcome === 'ok' ? `acknowledged by ${server}` : `${outcome}, ${code}: ${message}`
  return `  ${kind} from ${app} at ${seconds(at)}, for ${ms} ms: ${said}; while: ${during.join('; ') || 'all was well'}`
}

function listed<T>(all: readonly T[], text: (one: T) => string): string[] {
  const more = all.length > TOLD ? [`  … and ${number(all.length - TOLD)} more.`] : []
  return [...all.slice(0, TOLD).map(text), ...more]
}

function cells({ min, median, max, never }: Spread): string[] {
  const worst = never > 0 ? `never (${never} ×)` : max
  return [min, median, worst].map((cell) => (typeof cell === 'number' ? number(cell) : (cell ?? '–')))
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  )
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

function number(count: number): string {
  return count.toLocaleString('en')
}
