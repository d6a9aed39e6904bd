import { startWorld } from 'pg-nearest-world'
import { measureLink } from '../link.ts'
import { median } from '../measure.ts'

/** How long a world of five regions takes, in milliseconds: medians. Aim: under 3,000 each. */
export interface WorldTimes {
  readonly bootMs: number
  readonly addRegionMs: number
  /** How far the median round trip of a link is from what was asked for, by the pair. Aim: 5 %, or 1 ms. */
  readonly links: readonly { readonly pair: string; readonly asked: number; readonly measured: number }[]
}

const REPLICAS = ['ord', 'syd', 'atl', 'ams']
const RUNS = 5

export async function worldTimes(): Promise<WorldTimes> {
  const boots: number[] = []
  const joins: number[] = []
  const links: WorldTimes['links'][number][] = []
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now()
    await using world = await startWorld({ primary: 'nrt', replicas: REPLICAS })
    boots.push(performance.now() - begin)
    if (run === 0) {
      for (const region of REPLICAS) {
        const asked = world.rtt(region, 'nrt')
        const there = await measureLink(world.url('nrt', { from: region }))
        const back = await measureLink(world.url(region, { from: 'nrt' }))
        links.push({ pair: `${region}-nrt`, asked, measured: there }, { pair: `nrt-${region}`, asked, measured: back })
      }
    }
    const joining = performance.now()
    await world.addRegion('fra')
    joins.push(performance.now() - joining)
  }
  return { bootMs: median(boots), addRegionMs: median(joins), links }
}
