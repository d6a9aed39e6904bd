import { milliseconds } from '../terminal/format.ts'
import type { Figures } from './measure-latency.ts'
import { markdownTable, tableWithin, type Column } from '../terminal/table.ts'

const COLUMNS: readonly Column[] = [
  { name: 'Name', align: 'left' },
  { name: 'ips' },
  { name: 'average' },
  { name: 'deviation' },
  { name: 'median' },
  { name: '99th %' },
]

/** The figures, the fastest first, with how much slower the others are. */
export function benchText(figures: readonly Figures[], markdown: boolean, available?: number): string {
  const sorted = figures.toSorted((a, b) => b.ips - a.ips)
  const rows = sorted.map(({ name, ips, average, deviation, median, p99 }) => [
    name,
    ips.toFixed(2),
    milliseconds(average),
    `±${(deviation * 100).toFixed(2)}%`,
    milliseconds(median),
    milliseconds(p99),
  ])
  const comparison = sorted.length < 2 ? [] : ['', 'Comparison:', markdown ? fenced(compare(sorted)) : compare(sorted)]
  return [markdown ? markdownTable(COLUMNS, rows) : tableWithin(available, COLUMNS, rows, 4), ...comparison].join('\n')
}

function compare(sorted: readonly Figures[]): string {
  const [fastest] = sorted
  const names = Math.max(...sorted.map(({ name }) => name.length))
  const widest = Math.max(...sorted.map(({ ips }) => ips.toFixed(2).length))
  return sorted
    .map((each) => {
      const line = `${each.name.padEnd(names)}    ${each.ips.toFixed(2).padStart(widest)}`
      if (fastest === undefined || each === fastest) return line
      const slower = (fastest.ips / each.ips).toFixed(2)
      return `${line} - ${slower}x slower +${milliseconds(each.average - fastest.average)}`
    })
    .join('\n')
}

function fenced(text: string): string {
  return `\n\`\`\`\n${text}\n\`\`\``
}
