import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import { COUNTERS, countInSessions, pauseInTurn } from '../postgres/balanced-sessions.ts'
import { ask, caughtUp } from '../postgres/fixtures.ts'
import { startNameSwitch } from '../postgres/name-switch.ts'
import { TestPools } from '../postgres/test-pools.ts'

/** Kills one of these standbys after the other, and starts it again. */
function killInTurn(world: World, standbys: readonly string[], everyMs: number): () => Promise<void> {
  let over = false
  const turned = (async () => {
    for (let i = 0; !over; i++) {
      const region = standbys[i % standbys.length] ?? ''
      await world.kill(region)
      await sleep(everyMs / 4)
      await world.start(region)
      await sleep(everyMs)
    }
  })()
  return () => {
    over = true
    return turned
  }
}

test.each([
  [['ord', 'ams'] as const, 20_000],
  [['ord', 'ams', 'syd'] as const, 20_000],
])(
  'behind a name that leads to %j: %i reads, with pauses and kills',
  async (standbys, reads) => {
    await using world = await startWorld({ primary: 'nrt', replicas: [...standbys], rtt: 100 })
    await ask(world.url('nrt'), COUNTERS)
    await caughtUp(world)
    const [first, ...others] = standbys.map((region) => world.url(region))
    await using name = await startNameSwitch(first ?? '', ...others)
    const pools = new TestPools()
    const pool = await pools.start({ ...world.poolOptions('ord'), replicas: { ord: name.url } })
    const stops = [pauseInTurn(world, standbys, 700), killInTurn(world, standbys, 5_000)]
    const history = await countInSessions(pool, { reads, sessions: 48, readsPerWrite: 10 })
    await Promise.all(stops.map((stop) => stop()))
    await pools.destroyAll()
    expect(history).toMatchObject({ missed: 0, wentBack: 0, failed: [] })
    console.log(
      `${standbys.length} standbys: ${Math.round((100 * history.local) / history.reads)} % of the reads were local`,
    )
  },
  600_000,
)
