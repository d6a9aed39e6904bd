/** The commands' access to the outside world. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv
  /** Standard output takes colours. */
  readonly color: boolean
  /** A line, or several, on standard output. */
  print(text: string): void
  /** Replaces what was drawn before, if standard output is a terminal. */
  redraw(text: string): void
  /** Shows a progress line on standard error if that is a terminal, in place of the previous one. Empty: removes it. */
  progress(text: string): void
  /** A line on standard error. */
  complain(text: string): void
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
}

const CLEAR_SCREEN = '\u001b[2J\u001b[H'
const CLEAR_LINE = '\r\u001b[2K'

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  const interrupt = new AbortController()
  // Once, so that a second Ctrl-C ends the process.
  process.once('SIGINT', () => interrupt.abort())
  return {
    env,
    color: stdout.isTTY && stdout.hasColors(),
    print: (text) => void stdout.write(`${text}\n`),
    redraw: (text) => void stdout.write(stdout.isTTY ? `${CLEAR_SCREEN}${text}\n` : `${text}\n\n`),
    progress: (text) => void (stderr.isTTY && stderr.write(`${CLEAR_LINE}${text}`)),
    complain: (text) => void stderr.write(`${text}\n`),
    interrupted: interrupt.signal,
  }
}
