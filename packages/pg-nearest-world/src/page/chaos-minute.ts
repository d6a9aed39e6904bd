import { ActionRefused, type WorldEvent } from 'pg-nearest-page'
import { chaosFaults } from '../chaos/chaos-faults.ts'
import { settled } from '../chaos/settled.ts'
import { startStorm, stepsOf, type Storm } from '../chaos/storm.ts'
import type { PageWorld } from './page-world.ts'
import { mendWorld } from './mend-world.ts'

/** Everything that `npm run chaos` does to its world, for a minute at a time; after it all is healed. */
export interface ChaosMinute {
  readonly on: boolean
  /** Mends what is broken, because a fault expects a whole world, and begins. Rejects with {@link ActionRefused} if it is on, or cannot. */
  begin(): Promise<void>
  end(): void
}

const CHAOS_MS = 60_000
const LOOKS_MS = 100

export function createChaosMinute(page: PageWorld, happen: (event: WorldEvent) => void): ChaosMinute {
  let ending: AbortController | undefined

  const tell = (tone: 'break' | 'mend', text: string): void =>
    happen({ type: 'told', told: { at: Date.now(), tone, text } })

  const play = async (storm: Storm, endsAt: number): Promise<void> => {
    let told: string | undefined
    const follow = setInterval(() => {
      if (storm.current === told) return
      told = storm.current
      if (told !== undefined) tell('break', `Chaos: ${told}.`)
      happen({ type: 'chaos', chaos: { endsAt, broken: told } })
    }, LOOKS_MS)
    const timer = setTimeout(() => ending?.abort(), endsAt - Date.now())
    try {
      await storm.done
      over(`Chaos is over: ${storm.inflicted.length} faults, and all is healed.`)
    } catch (error) {
      over(`Chaos ended early: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      clearInterval(follow)
      clearTimeout(timer)
    }
  }

  const over = (text: string): void => {
    ending = undefined
    happen({ type: 'chaos', chaos: undefined })
    tell('mend', text)
  }

  return {
    get on() {
      return ending !== undefined
    },
    async begin() {
      if (ending !== undefined) throw new ActionRefused('Chaos is on already.')
      const { signal } = (ending = new AbortController())
      try {
        await mendWorld(page.world)
      } catch (error) {
        ending = undefined
        throw new ActionRefused(`Chaos needs a whole world, and this one could not be mended: ${String(error)}`)
      }
      const endsAt = Date.now() + CHAOS_MS
      tell('break', 'Chaos has a minute.')
      happen({ type: 'chaos', chaos: { endsAt, broken: undefined } })
      void play(startChaos(page, signal), endsAt)
    },
    end: () => ending?.abort(),
  }
}

function startChaos({ world, apps, promotions, diary }: PageWorld, signal: AbortSignal): Storm {
  const regions = apps.map(({ region }) => region)
  const seed = Math.floor(Math.random() * 2 ** 31)
  return startStorm(world, {
    seed,
    steps: stepsOf(seed),
    faults: chaosFaults(regions, promotions),
    settled: (end) => settled(diary, regions, end),
    signal,
  })
}
