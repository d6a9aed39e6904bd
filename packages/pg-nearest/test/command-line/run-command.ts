import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './usage-error.ts'

type OptionsConfig = NonNullable<ParseArgsConfig['options']>
type Values<T extends OptionsConfig> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>['values']

const HELP = { type: 'boolean', short: 'h' } as const

/** Runs it with the options of the command line. Its exit code is what `run` gives, and 2 for options that are wrong. */
export async function runCommand<T extends OptionsConfig>(
  usage: string,
  options: T,
  run: (values: Values<T>) => Promise<number>,
): Promise<void> {
  try {
    const { help, ...values } = parsed({ ...options, help: HELP })
    if (help === true) console.log(usage)
    else process.exitCode = await run(values as Values<T>)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\n${usage}`)
    process.exitCode = 2
  }
}

function parsed(options: OptionsConfig): Record<string, unknown> {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
