import type { World } from '../world-types.ts'
import type { Parameter } from './parameters.ts'
import { UsageError } from './usage-error.ts'

export interface VariablesFile {
  readonly path: string
  readonly region: string
}

/** What a command is run with. */
export interface CommandContext {
  readonly world: World
  readonly print: (text: string) => void
  /** Called when a region has joined. */
  readonly joined: (region: string) => Promise<void>
  /** The file of `--write-env`, and whose variables it has. */
  readonly envFile?: VariablesFile | undefined
  /** Ends the session once the command has returned. */
  readonly quit: () => void
}

/** A command of the prompt, with what its help and its completion need. */
export interface Command {
  readonly name: string
  readonly parameters: readonly Parameter<unknown>[]
  /** What it does, in one line. */
  readonly help: string
  /** Checks the words after the name, then runs. Throws a `UsageError` before doing anything if they are wrong. */
  readonly run: (context: CommandContext, words: readonly string[]) => Promise<void>
}

type Values<P extends readonly Parameter<unknown>[]> = { [K in keyof P]: P[K] extends Parameter<infer T> ? T : never }

/** A command whose `run` is given one parsed value for each parameter. */
export function command<const P extends readonly Parameter<unknown>[]>(
  name: string,
  parameters: P,
  help: string,
  run: (context: CommandContext, ...values: Values<P>) => void | Promise<void>,
): Command {
  const least = parameters.filter((parameter) => !parameter.optional).length
  return {
    name,
    parameters,
    help,
    run: async (context, words) => {
      if (words.length < least || words.length > parameters.length)
        throw new UsageError(`Write it so: ${usageOf({ name, parameters })}`)
      const values = parameters.map((parameter, index) => {
        const word = words[index]
        return word === undefined ? undefined : parameter.parse(word, context.world)
      })
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mapping a tuple keeps its length, unseen by types
      await run(context, ...(values as Values<P>))
    },
  }
}

/** `kill <region>`, `urls [region]` */
export function usageOf({ name, parameters }: Pick<Command, 'name' | 'parameters'>): string {
  return [name, ...parameters.map(({ label, optional }) => (optional ? `[${label}]` : `<${label}>`))].join(' ')
}
