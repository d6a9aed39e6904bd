import { stripVTControlCharacters } from 'node:util'

export interface Column {
  readonly name: string
  /** Default `right`. */
  readonly align?: 'left' | 'right'
}

/** Columns as wide as necessary, `gap` spaces apart, without trailing spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], gap = 2): string {
  const lines = [columns.map(({ name }) => name), ...rows]
  const widths = columns.map((_column, i) => Math.max(...lines.map((line) => width(line[i] ?? ''))))
  return lines
    .map((line) =>
      columns
        .map(({ align }, i) => pad(line[i] ?? '', widths[i] ?? 0, align ?? 'right'))
        .join(' '.repeat(gap))
        .trimEnd(),
    )
    .join('\n')
}

/** The table; where that is too wide for a terminal, a block of lines for each row instead, with the name of each value in front of it. */
export function tableWithin(
  available: number | undefined,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  gap = 2,
): string {
  const whole = table(columns, rows, gap)
  const widest = Math.max(...whole.split('\n').map(width))
  return available === undefined || widest <= available ? whole : rows.map((row) => block(columns, row)).join('\n\n')
}

/** What stands under no name is a mark in front of the first line. */
function block(columns: readonly Column[], row: readonly string[]): string {
  const cells = columns.map(({ name }, i) => [name, row[i] ?? ''] as const)
  const mark = cells.flatMap(([name, value]) => (name === '' ? value : [])).join('')
  const named = cells.filter(([name]) => name !== '')
  const names = Math.max(...named.map(([name]) => width(name)))
  return named
    .map(([name, value], i) => `${pad(i === 0 ? mark : '', 2, 'left')}${pad(name, names, 'left')}  ${value}`)
    .join('\n')
}

export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = (texts: readonly string[]): string =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map(({ align }) => (align === 'left' ? '---' : '---:'))
  return [cells(columns.map(({ name }) => name)), cells(rule), ...rows.map(cells)].join('\n')
}

function width(text: string): number {
  return stripVTControlCharacters(text).length
}

function pad(text: string, to: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, to - width(text)))
  return align === 'left' ? text + space : space + text
}
