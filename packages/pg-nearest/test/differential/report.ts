import { firstDifference } from './first-difference.ts'
import { KNOWN, NOT_COMPARED } from './known.ts'
import { stepText } from './operation.ts'
import type { DifferentialReport, Finding } from './run.ts'

export function findingText({ signature, number, program, difference, again }: Finding): string {
  const steps = program.map((step, i) => `  ${i === difference.step ? '>' : ' '} ${i}. ${stepText(step)}`)
  const { path, a, b } = firstDifference(difference.pg, difference.ours)
  return [
    `${signature} (program ${number}${again ? '' : ', not shown again by itself'})`,
    ...steps,
    `    pg:   ${shown(difference.pg)}`,
    `    ours: ${shown(difference.ours)}`,
    ...(path === '' ? [] : [`    at ${path}: ${shown(a)} / ${shown(b)}`]),
  ].join('\n')
}

export function differentialText(report: DifferentialReport): string {
  const { seed, seconds, programs, operations, kinds, different, signatures, known, roles, endless } = report
  const lines = [
    `Seed ${seed}: ${operations} statements in ${programs} programs, ${seconds.toFixed(0)} s.`,
    `Kinds: ${counted(kinds)}.`,
    `Results by role of the server: ${counted(roles)}.`,
  ]
  if (endless > 0) lines.push(`Left out, because pg itself never ended one of their statements: ${endless} programs.`)
  lines.push('', 'Documented differences:')
  for (const { name, reason } of KNOWN) lines.push(`  ${String(known[name] ?? 0).padStart(6)} ${name}: ${reason}`)
  lines.push('Not compared:', ...NOT_COMPARED.map((reason) => `  - ${reason}`))
  if (different === 0) return [...lines, '', 'No undocumented difference.'].join('\n')
  lines.push('', `Undocumented differences in ${different} programs, by the first that shows in each:`)
  const most = Object.entries(signatures).toSorted(([, a], [, b]) => b - a)
  for (const [signature, times] of most) lines.push(`  ${String(times).padStart(6)} ${signature}`)
  return lines.join('\n')
}

function counted(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ')
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 600 ? text : `${text.slice(0, 600)}…`
}
