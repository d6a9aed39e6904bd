import {
  type Inflicted,
  check,
  type Guarantee,
  type Guarantees as Verdict,
  type Operation,
  saysUnproven,
  type Violation,
} from 'pg-nearest-world/chaos'

/** How many violations are told in full. */
const TOLD = 20

export interface Run {
  readonly seed: number
  readonly seconds: number
  readonly history: readonly Operation[]
  readonly inflicted: readonly Inflicted[]
  /** One message for each code of an error. */
  readonly messages: ReadonlyMap<string, string>
}

export interface ViolationDuring extends Violation {
  /** What was broken at any time between the two operations. */
  readonly during: readonly string[]
}

export interface Report {
  readonly seed: number
  readonly seconds: number
  readonly counts: Verdict['counts']
  /** By server, then by reason. */
  readonly reads: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly faults: Readonly<Record<string, number>>
  /** Operations that failed, or whose outcome is unknown, by their code. */
  readonly failures: Readonly<Record<string, { readonly count: number; readonly message: string }>>
  /** Of 1. */
  readonly succeeded: number
  /** Violations by a process' own session with no primary in reach, which say of themselves that they may be. */
  readonly excused: number
  readonly violations: readonly ViolationDuring[]
}

export function reportOf({ seed, seconds, history, inflicted, messages }: Run): Report {
  const { violations: found, counts } = check(history)
  const violations = found.filter(({ earlier, read }) => !saysUnproven(earlier) && !saysUnproven(read))
  const reads: Record<string, Record<string, number>> = {}
  const failures: Record<string, { count: number; message: string }> = {}
  let succeeded = 0
  for (const { kind, outcome, servedBy, code } of history) {
    if (outcome === 'ok') succeeded++
    else (failures[code ?? '?'] ??= { count: 0, message: messages.get(code ?? '?') ?? '' }).count++
    if (kind !== 'read' || servedBy === undefined) continue
    const reasons = (reads[servedBy.server] ??= {})
    reasons[servedBy.reason] = (reasons[servedBy.reason] ?? 0) + 1
  }
  const faults: Record<string, number> = {}
  for (const { name } of inflicted) faults[name] = (faults[name] ?? 0) + 1
  return {
    seed,
    seconds,
    counts,
    reads,
    faults,
    failures,
    succeeded: history.length === 0 ? 0 : succeeded / history.length,
    excused: found.length - violations.length,
    violations: violations.map(({ guarantee, earlier, read }) => ({
      guarantee,
      earlier,
      read,
      during: brokenMeanwhile(earlier, read, inflicted),
    })),
  }
}

function brokenMeanwhile(earlier: Operation, read: Operation, inflicted: readonly Inflicted[]): string[] {
  return inflicted
    .filter(({ from, to }) => from <= read.completedAt && to >= earlier.invokedAt)
    .map(({ what, from, to }) => `${what} (${at(from)} to ${at(to)})`)
}

export function reportText(report: Report): string {
  const { seed, seconds, counts, reads, faults, failures, violations } = report
  const guarantees = Object.keys(counts.violated) as Guarantee[]
  return [
    `${number(counts.operations)} operations in ${seconds.toFixed(1)} s (${number(Math.round(counts.operations / seconds))}/s): ${number(counts.reads)} reads, ${number(counts.writes)} writes, in ${number(counts.sessions)} sessions. Seed ${seed}.`,
    `${(report.succeeded * 100).toFixed(2)} % succeeded; ${number(counts.failed)} failed, of ${number(counts.unknown)} nobody knows.`,
    ...Object.entries(failures).map(([code, { count, message }]) => `  ${code} ${number(count)} × such as: ${message}`),
    'Reads, by who served them and why:',
    ...Object.entries(reads)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([server, reasons]) => `  ${server.padEnd(6)} ${tally(reasons)}`),
    `Faults: ${tally(faults) || 'none'}`,
    ...guarantees.map(
      (guarantee) =>
        `${guarantee}: ${number(counts.violated[guarantee])} violations in ${number(counts.bound[guarantee])} reads that were bound.`,
    ),
    ...(report.excused > 0
      ? [`${number(report.excused)} of them are excused: reads that are "unproven", and say so.`]
      : []),
    ...violations.slice(0, TOLD).map(violationText),
    ...(violations.length > TOLD ? [`… and ${number(violations.length - TOLD)} more.`] : []),
  ].join('\n')
}

export function violationText({ guarantee, earlier, read, during }: ViolationDuring): string {
  return [
    `✗ ${guarantee}: session ${read.session}, register ${read.register}`,
    `    ${operationText(earlier)}`,
    `    ${operationText(read)}`,
    ...during.map((fault) => `    while: ${fault}`),
  ].join('\n')
}

function operationText({ kind, version, invokedAt, completedAt, servedBy, from, by }: Operation): string {
  const verb = kind === 'write' ? 'wrote' : 'read'
  return `${at(invokedAt)} to ${at(completedAt)}: ${verb} version ${version} from ${from ?? '?'} on ${servedBy?.server ?? '?'} (${servedBy?.reason ?? '?'}; ${by ?? '?'})`
}

function tally(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what} ${number(count)}`)
    .join(', ')
}

function at(ms: number): string {
  return `${ms.toFixed(1)} ms`
}

function number(count: number): string {
  return count.toLocaleString('en')
}
