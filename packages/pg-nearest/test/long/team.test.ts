import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, caughtUp, until } from '../postgres/fixtures.ts'
import { redisServer, RedisServer } from '../postgres/redis-rig.ts'
import type { Done, Failed, Said, Task } from '../team/member.ts'
import { ITEMS, pauseAtRandom, playTeam, type Member } from '../team/play-team.ts'

/** In each of the two runs. The whole search: TEAM_OPERATIONS=10000. */
const OPERATIONS = Number(process.env['TEAM_OPERATIONS'] ?? 2_000)
const AT_ONCE = 40
/** Longer than a replay is paused, and than it then takes to catch up. */
const KEEP_MS = 3_000

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

let world: World
beforeAll(async () => {
  execFileSync('npx', ['tsc', '--build', path('../team')], { stdio: 'inherit' })
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 100 })
  await ask(
    world.url('nrt'),
    `create table items as select id, 0 as version from generate_series(0, ${ITEMS - 1}) as id`,
  )
  await ask(world.url('nrt'), 'create unique index on items (id)')
  await caughtUp(world)
}, 180_000)
afterAll(() => world.stop())

/** A process of its own in one region. */
class MemberProcess implements Member {
  readonly region: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (answer: Done | Failed) => void>()
  ready = false
  storeFailures = 0

  constructor(region: string, port: number) {
    this.region = region
    const args = [JSON.stringify(world.poolOptions(region)), String(port), String(KEEP_MS)]
    this.#child = fork(path('../team/dist/test/team/member-process.js'), args, { execArgv: [] })
    this.#child.on('message', (said: Said) => {
      if (said === 'ready') this.ready = true
      else if (said === 'store failed') this.storeFailures++
      else this.#waiting.get(said.id)?.(said)
    })
  }

  async perform(task: Task): Promise<Done> {
    const answer = await new Promise<Done | Failed>((resolve) => {
      this.#waiting.set(task.id, resolve)
      this.#child.send(task)
    })
    this.#waiting.delete(task.id)
    if ('failed' in answer) throw new Error(answer.failed)
    return answer
  }

  end(): void {
    this.#child.kill()
  }
}

test.skipIf(redisServer === undefined)(
  'three processes in three regions miss nothing, with replays paused at random; with the store killed half of the time, too',
  async () => {
    const server = await RedisServer.start()
    const members = world.regions.map((region) => new MemberProcess(region, server.port))
    const end = new AbortController()
    const pauses = pauseAtRandom(world, end.signal, Math.random)
    try {
      await until(() => members.every(({ ready }) => ready), 'the processes')
      // A first question makes the store begin to count.
      await playTeam(members, { operations: 30, atOnce: 10, random: Math.random })
      await sleep(KEEP_MS)
      const well = await playTeam(members, { operations: OPERATIONS, atOnce: AT_ONCE, random: Math.random })
      expect([well.missed, well.failed]).toEqual([[], []])
      expect(well.onPrimary).toBeLessThan(0.9)
      const failures = members.map(({ storeFailures }) => storeFailures)
      const killing = killHalfOfTheTime(server, end.signal)
      const dark = await playTeam(members, { operations: OPERATIONS, atOnce: AT_ONCE, random: Math.random })
      end.abort()
      await killing
      expect([dark.missed, dark.failed]).toEqual([[], []])
      members.forEach(({ storeFailures }, i) => expect(storeFailures).toBeGreaterThan(failures[i] ?? 0))
    } finally {
      end.abort()
      await pauses
      for (const member of members) member.end()
      await server.kill()
    }
  },
  600_000,
)

/** For longer than bookmarks are kept, too, so that there are times in which it is trusted again. */
async function killHalfOfTheTime(server: RedisServer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ms = Math.random() * 2 * KEEP_MS
    await server.kill()
    await sleep(ms)
    await server.start()
    await sleep(ms)
  }
}
