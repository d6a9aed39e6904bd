/** The commands' access to the outside world. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv
  /** Standard output takes colours. */
  readonly color: boolean
  /** How wide the terminal is; `undefined` if standard output is none. */
  readonly columns: number | undefined
  /** A line, or several, on standard output. */
  print(text: string): void
  /** Replaces what was drawn before, if standard output is a terminal. */
  redraw(text: string): void
  /** Shows a progress line on standard error if that is a terminal, in place of the previous one. Empty: removes it. */
  progress(text: string): void
  /** A line on standard error. */
  complain(text: string): void
  /** Aborted by Ctrl-C, or when nobody reads what is printed any more. */
  readonly interrupted: AbortSignal
}

const CLEAR_SCREEN = '\u001b[2J\u001b[H'
const CLEAR_LINE = '\r\u001b[2K'

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  const interrupt = new AbortController()
  // Once, so that a second Ctrl-C ends the process.
  process.once('SIGINT', () => interrupt.abort())
  // As with `| head`: there is nobody left to tell.
  for (const stream of [stdout, stderr]) stream.on('error', () => interrupt.abort())
  return {
    env,
    color: stdout.isTTY && stdout.hasColors(),
    columns: stdout.isTTY ? stdout.columns : undefined,
    print: (text) => void stdout.write(`${text}\n`),
    redraw: (text) => void stdout.write(stdout.isTTY ? `${CLEAR_SCREEN}${text}\n` : `${text}\n\n`),
    progress: (text) => void (stderr.isTTY && stderr.write(`${CLEAR_LINE}${text}`)),
    complain: (text) => void stderr.write(`${text}\n`),
    interrupted: interrupt.signal,
  }
}
