import type { Forecast } from '../engine/observe-mode-report.ts'
import { duration } from '../terminal/format.ts'
import { tableWithin, type Column } from '../terminal/table.ts'
import { wrap } from '../terminal/wrap.ts'
import type { Terminal } from '../terminal/terminal.ts'

const COLUMNS: readonly Column[] = [
  { name: 'server', align: 'left' },
  { name: 'reason', align: 'left' },
  { name: 'statements' },
  { name: 'part' },
  { name: 'saved' },
  { name: 'each' },
]

/** What normal would have made of it, for a person. */
export function reportText(forecast: Forecast, { columns }: Pick<Terminal, 'columns'>): string {
  const { since, statements, onReplicas, proofs, tookMs, savedMs, routes } = forecast
  const part = (count: number): string => `${statements === 0 ? 0 : Math.round((count / statements) * 100)} %`
  const rows = routes.map(({ server, reason, statements: count, savedMs: saved }) => [
    server,
    reason,
    String(count),
    part(count),
    signed(saved),
    signed(saved / Math.max(1, count)),
  ])
  const asked = proofs.held + proofs.failed
  const sentences = [
    `${statements} statements were observed since ${new Date(since).toISOString()}.`,
    `In the mode normal, ${onReplicas} of them (${part(onReplicas)}) would have been answered by a replica.`,
    `${asked} had to show what their session had written: the replica did for ${proofs.held}, and for ${proofs.failed} the primary would have been asked after all.`,
    `They took ${duration(tookMs)} in all, and would have taken about ${duration(Math.max(0, tookMs - savedMs))}.`,
  ]
  return [...sentences.map((each) => wrap(each, columns)), '', tableWithin(columns, COLUMNS, rows)].join('\n')
}

function signed(ms: number): string {
  if (Math.abs(ms) < 0.05) return '–'
  return ms < 0 ? `-${duration(-ms)}` : duration(ms)
}
