import { createInterface } from 'node:readline/promises'
import pc from 'picocolors'
import type { World } from '../world-types.ts'
import type { CommandContext } from './command.ts'
import { complete } from './complete.ts'
import { dispatch } from './dispatch.ts'
import { errorText } from './error-text.ts'

/** A stream that may be a terminal. */
type Readable = NodeJS.ReadableStream & { readonly isTTY?: boolean }
type Writable = NodeJS.WritableStream & { readonly isTTY?: boolean }

export interface PromptStreams {
  readonly input: Readable
  /** Where the prompt and the commands' output go. */
  readonly output: Writable
  /** Where their errors go. */
  readonly errors: Writable
}

/**
 * Runs commands line by line, one after the other, until `quit`, Ctrl-C, `signal`, or the end of input; resolves with
 * which it was. A command that fails prints its error, and the prompt goes on.
 */
export async function prompt(
  world: World,
  streams: PromptStreams,
  signal: AbortSignal,
  { joined, envFile }: Pick<CommandContext, 'joined' | 'envFile'>,
): Promise<'quit' | 'end'> {
  const { input, output, errors } = streams
  const terminal = input.isTTY === true && output.isTTY === true
  const left = new AbortController()
  const over = AbortSignal.any([signal, left.signal])
  const lines = createInterface({
    input,
    output,
    terminal,
    completer: (line: string) => complete(line, world),
    signal: over,
  })
  const quit = (): void => left.abort()
  const context = { world, quit, joined, envFile, print: (text: string): void => void output.write(`${text}\n`) }
  const again = (): void => {
    if (!terminal || over.aborted) return
    lines.setPrompt(pc.bold(`${world.primary}> `))
    lines.prompt()
  }

  // On a terminal in raw mode Ctrl-C is a key and no signal, and Ctrl-D, the end of input, means quit.
  lines.on('SIGINT', quit)
  again()
  for await (const line of lines) {
    await dispatch(line, context).catch((error: unknown) => errors.write(`${pc.red(errorText(error))}\n`))
    if (over.aborted) return 'quit'
    again()
  }
  // The prompt is still on the last line.
  if (terminal) output.write('\n')
  return terminal || left.signal.aborted ? 'quit' : 'end'
}
