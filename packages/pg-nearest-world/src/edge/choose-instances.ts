import { isMeant } from './region-groups.ts'
import type { ReplayInstruction } from './replay-instruction.ts'

/** One running copy of an app. */
export interface Instance {
  readonly id: string
  readonly region: string
  /** On 127.0.0.1. */
  readonly port: number
}

export type Wish = Pick<ReplayInstruction, 'regions' | 'instance' | 'preferInstance'>

/** The instances that a request may go to, the best one first: by the order of regions, then by distance. */
export function chooseInstances(
  instances: readonly Instance[],
  { regions, instance, preferInstance }: Wish,
  distance: (region: string) => number,
): readonly Instance[] {
  if (instance !== undefined) return instances.filter(({ id }) => id === instance)
  const near = instances.toSorted((a, b) => distance(a.region) - distance(b.region))
  const meant =
    regions.length === 0 ? near : regions.flatMap((code) => near.filter(({ region }) => isMeant(region, code)))
  const preferred = instances.filter(({ id }) => id === preferInstance)
  return [...new Set([...preferred, ...meant])]
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** What a client asks for with Fly's request headers. */
export function wishOf(headers: Headers): Wish {
  const value = (name: string): string | undefined => [headers[name]].flat()[0]
  const list = (name: string): string[] => (value(name) ?? '').split(/[\s,]+/).filter((region) => region !== '')
  const forced = list('fly-force-region')
  const preferred = list('fly-prefer-region')
  return {
    regions: forced.length > 0 ? forced : preferred.length > 0 ? [...preferred, 'any'] : [],
    instance: value('fly-force-instance-id'),
    preferInstance: value('fly-prefer-instance-id'),
  }
}
