/**
 * Puts a prefix before each line of what comes in pieces. A line is given on once it is whole; `end` gives on what is left of the last one.
 */
export function linePrefixer(
  prefix: string,
  print: (line: string) => void,
): { write(piece: string): void; end(): void } {
  let begun = ''
  return {
    write(piece) {
      const lines = (begun + piece).split(/\r?\n/)
      begun = lines.pop() ?? ''
      for (const line of lines) print(`${prefix}${line}`)
    },
    end() {
      if (begun !== '') print(`${prefix}${begun}`)
      begun = ''
    },
  }
}
