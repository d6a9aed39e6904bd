import { stripVTControlCharacters } from 'node:util'

/** What is left of a narrow terminal for a text that is set in far. */
const LEAST = 20

/** Breaks a text between words where a terminal of this width would break it anywhere; the lines after the first are set in. */
export function wrap(text: string, available: number | undefined, indent = 0): string {
  if (available === undefined) return text
  const width = Math.max(LEAST, available - indent)
  const lines: string[] = []
  let line: string | undefined
  for (const word of text.split(' ')) {
    const longer = line === undefined ? word : `${line} ${word}`
    if (line !== undefined && line !== '' && stripVTControlCharacters(longer).length > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line ?? ''].join(`\n${' '.repeat(indent)}`)
}
