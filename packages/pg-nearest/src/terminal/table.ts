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
