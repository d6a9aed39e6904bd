import { cityOf } from './reduce-world.ts'
import type { WorldState } from './world-state.ts'

/** What dropping one server on another asks for, and in words. */
export interface DragMeaning {
  readonly words: string
  /** As the page sends it. */
  readonly action: object
}

type Known = Pick<WorldState, 'primary' | 'servers' | 'links' | 'places' | 'candidates' | 'busy' | 'chaos'>

/** The primary's role goes to the server on which it is dropped; between two others the link is cut, or mended. `undefined`: nothing is. */
export function dragMeaning(state: Known, from: string, to: string): DragMeaning | undefined {
  if (from === to || state.busy !== undefined || state.chaos !== undefined) return undefined
  if (from === state.primary) {
    const isReplica = state.servers.find(({ region }) => region === to)?.role === 'replica'
    return isReplica ? { words: `Promote ${cityOf(state, to)}`, action: { do: 'promote', region: to } } : undefined
  }
  const link = state.links.find(({ a, b }) => (a === from && b === to) || (a === to && b === from))
  if (link === undefined) return undefined
  const { a, b, partitioned } = link
  const pair = `${cityOf(state, from)} – ${cityOf(state, to)}`
  return partitioned
    ? { words: `Mend ${pair}`, action: { do: 'heal', a, b } }
    : { words: `Cut ${pair}`, action: { do: 'partition', a, b } }
}
