import { createInterface } from 'node:readline/promises'
import pc from 'picocolors'
import type { World } from '../world-types.ts'
import { complete } from './complete.ts'
import { dispatch } from './dispatch.ts'
import { errorText } from './error-text.ts'

export interface PromptStreams {
  readonly input: NodeJS.ReadStream
  /** Where the prompt and what commands say go. */
  readonly output: NodeJS.WriteStream
  /** Where their errors go. */
  readonly errors: NodeJS.WriteStream
}

/**
 * Runs commands line by line, one after the other, until `quit`, Ctrl-C, `signal`, or the end of input; resolves with
 * which it was. A command that fails says so and ends nothing.
 */
export async function prompt(world: World, streams: PromptStreams, signal: AbortSignal): Promise<'quit' | 'end'> {
  const { input, output, errors } = streams
  const terminal = Boolean(input.isTTY && output.isTTY)
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
  const context = { world, quit, print: (text: string): void => void output.write(`${text}\n`) }
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
    if (over.aborted) break
    again()
  }
  return terminal || left.signal.aborted ? 'quit' : 'end'
}
