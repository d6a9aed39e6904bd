import type { World } from '../world-types.ts'
import { commands } from './commands.ts'

/** The commands, or the values of the parameter, that what is typed so far can become; and the part they replace. */
export function complete(line: string, world: Pick<World, 'regions'>): [string[], string] {
  const words = line.trimStart().split(/\s+/)
  const typed = words.at(-1) ?? ''
  const candidates = words.length < 2 ? commands.map((command) => command.name) : valuesAt(words, world)
  const taken = new Set(words.slice(1, -1))
  return [
    candidates.filter((candidate) => candidate.startsWith(typed) && !taken.has(candidate)).map((hit) => `${hit} `),
    typed,
  ]
}

function valuesAt(words: readonly string[], world: Pick<World, 'regions'>): readonly string[] {
  const found = commands.find((command) => command.name === words[0])
  return found?.parameters[words.length - 2]?.complete(world) ?? []
}
