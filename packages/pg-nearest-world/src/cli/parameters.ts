import { regions as geography } from '../geo/regions.ts'
import type { World } from '../world-types.ts'
import { parseByteRate } from './byte-rate.ts'
import { nearestWord } from './nearest-word.ts'
import { parseDuration } from './duration.ts'
import { UsageError } from './usage-error.ts'

type Regions = Pick<World, 'regions'>

/** One word after a command's name. */
export interface Parameter<T> {
  readonly label: string
  readonly optional: boolean
  readonly parse: (word: string, world: Regions) => T
  /** The words that Tab offers. */
  readonly complete: (world: Regions) => readonly string[]
}

const required = { optional: false } as const

/** A region of this world. */
export const region: Parameter<string> = {
  ...required,
  label: 'region',
  parse: (word, world) => {
    if (world.regions.includes(word)) return word
    const meant = nearestWord(word, world.regions)
    throw new UsageError(
      `There is no region ${JSON.stringify(word)} in this world. ` +
        (meant === undefined ? `It has ${world.regions.join(', ')}.` : `Did you mean ${meant}?`),
    )
  },
  complete: (world) => world.regions,
}

/** A region that may join. Tab offers Fly's; the world itself says whether it knows its distances. */
export const newRegion: Parameter<string> = {
  ...required,
  label: 'region',
  parse: (word) => word,
  complete: (world) => [...geography.keys()].filter((code) => !world.regions.includes(code)),
}

/** Milliseconds. */
export const duration: Parameter<number> = {
  ...required,
  label: 'time',
  parse: parseDuration,
  complete: () => ['250ms', '1s', '5s'],
}

/** Bytes per second. */
export const byteRate: Parameter<number> = {
  ...required,
  label: 'rate',
  parse: parseByteRate,
  complete: () => ['500kB', '10MB', '100Mbit', 'off'],
}

export function optional<T>(parameter: Parameter<T>): Parameter<T | undefined> {
  return { ...parameter, optional: true }
}
