import { nearestWord } from './nearest-word.ts'
import type { CommandContext } from './command.ts'
import { commands } from './commands.ts'
import { UsageError } from './usage-error.ts'

/** Runs one line; an empty one, or one that begins with `#`, does nothing. Rejects with what went wrong. */
export async function dispatch(line: string, context: CommandContext): Promise<void> {
  const [name, ...words] = wordsOf(line)
  if (name === undefined || name.startsWith('#')) return
  const found = commands.find((command) => command.name === (synonyms.get(name) ?? name))
  if (!found) throw new UsageError(unknown(name))
  await found.run(context, words)
}

const synonyms: ReadonlyMap<string, string> = new Map([
  ['exit', 'quit'],
  ['?', 'help'],
])

/** The words of a line: separated by spaces or commas, in any case. */
export const wordsOf = (line: string): string[] =>
  line
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '')

function unknown(name: string): string {
  const meant = nearestWord(
    name,
    commands.map((command) => command.name),
  )
  return `There is no command ${JSON.stringify(name)}. ${meant === undefined ? 'See: help' : `Did you mean ${meant}?`}`
}
