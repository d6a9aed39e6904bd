import { styleText } from 'node:util'
import { examine } from '../doctor/gather-examination.ts'
import type { Examination } from '../examination/examination-facts.ts'
import type { Finding, Remark } from '../findings/finding.ts'
import { findingsOf } from '../findings/findings.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { listSourceOf, serverFlags } from '../cli-options/server-options.ts'
import { serversToAsk } from '../cli-options/servers-to-ask.ts'
import { exitCodeOf } from './status-command.ts'
import { wrap } from '../terminal/wrap.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { doctorUsage } from '../cli-options/usage.ts'

/** `pg-nearest doctor`. Resolves with the exit code. */
export async function doctorCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseOptions('doctor', {
    args: [...argv],
    options: { ...serverFlags, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.print(doctorUsage)
    return 0
  }
  const options = await serversToAsk(values, terminal)
  terminal.progress(`asking ${['the primary', ...Object.keys(options.replicas ?? {})].join(', ')} …`)
  const examination = await examine(options, { source: listSourceOf(values, terminal.env) }).finally(() =>
    terminal.progress(''),
  )
  const findings = findingsOf(examination)
  terminal.print(
    values.json === true ? JSON.stringify(doctorReport(examination, findings)) : doctorText(findings, terminal),
  )
  return Math.max(exitCodeOf(examination.status), findings.some(({ verdict }) => verdict === 'bad') ? 1 : 0)
}

/** For programs. */
export interface DoctorReport {
  /** When the servers were asked: ISO 8601. */
  readonly at: string
  /** Where they were asked from, if that is known. */
  readonly region: string | undefined
  /** How many checks have each verdict. */
  readonly summary: Readonly<Record<Finding['verdict'], number>>
  readonly checks: readonly Finding[]
}

function doctorReport({ status: { asOf, region } }: Examination, checks: readonly Finding[]): DoctorReport {
  const summary = { good: count(checks, 'good'), bad: count(checks, 'bad'), unknown: count(checks, 'unknown') }
  return { at: new Date(asOf).toISOString(), region, summary, checks }
}

function count(findings: readonly Finding[], wanted: Finding['verdict']): number {
  return findings.filter(({ verdict }) => verdict === wanted).length
}

const MARKS = { good: ['✓', 'green'], bad: ['✗', 'red'], unknown: ['?', 'yellow'] } as const

/** A line for each finding, with why and what mends it under those that are not good, and how many are bad. */
export function doctorText(
  findings: readonly Finding[],
  { color, columns }: Pick<Terminal, 'color' | 'columns'>,
): string {
  const paint = (style: 'green' | 'red' | 'yellow', text: string): string => (color ? styleText(style, text) : text)
  const names = Math.max(...findings.map(({ server = '' }) => server.length))
  const indent = names + MARK
  const saidOf = new Map<string, string>()
  const lines = findings.map((finding) => {
    const { server = '', verdict, message } = finding
    const [mark, style] = MARKS[verdict]
    const head = `${paint(style, mark)}  ${server.padEnd(names)}  `
    if (finding.verdict === 'good') return head + wrap(message, columns, indent)
    const under = ' '.repeat(indent + 2)
    const told = `${head}${wrap(`${message} (${finding.code})`, columns, indent)}\n${under}`
    const before = saidOf.get(thingOf(finding))
    // Whoever runs a command twice may undo what it has done.
    if (before !== undefined) return `${told}→ the same as for ${before}`
    if (server !== '') saidOf.set(thingOf(finding), server)
    // What is to be copied stays in one piece.
    return `${told}${wrap(finding.why, columns, indent + 2)}\n${under}→ ${finding.mend}`
  })
  return `${lines.join('\n')}\n\n${conclusion(findings)}`
}

/** The columns in front of a message, beside the server's name. */
const MARK = 5

function conclusion(findings: readonly Finding[]): string {
  const things = thingsToFix(findings)
  if (things > 0) return things === 1 ? 'One thing to fix.' : `${things} things to fix.`
  return count(findings, 'unknown') > 0 ? 'Nothing is wrong, as far as could be checked.' : 'All is well.'
}

/** That reads have nowhere to go is no cause of its own: it ends when the servers are mended, and `status` does not count it either. */
function thingsToFix(findings: readonly Finding[]): number {
  const bad = findings.flatMap((finding) => (finding.verdict === 'bad' ? [finding] : []))
  const causes = new Set(bad.filter(({ code }) => code !== 'DOCTOR_NO_READS').map(thingOf))
  return causes.size > 0 ? causes.size : bad.length
}

/** What has the same cause on several servers is mended by one command. */
function thingOf({ code, mend }: Remark): string {
  return `${code} ${mend}`
}
