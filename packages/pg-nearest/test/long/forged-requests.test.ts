import type { AddressInfo } from 'node:net'
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { startEdge, startWorld } from 'pg-nearest-world'
import { expect, onTestFinished, test, vi } from 'vitest'
import { replay, session } from '../../src/http/express.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask } from '../postgres/fixtures.ts'

const REQUESTS = 10_000
const AT_ONCE = 24
const NAMES = [
  'fly-replay-src',
  'fly-replay-failed',
  'fly-replay',
  'fly-replay-cache-status',
  'fly-region',
  'fly-prefer-region',
  'fly-prefer-instance-id',
  'edge-region',
  'cookie',
  'x-pg-bookmark',
] as const
const VALUES = [
  'instance=id-nrt;region=nrt;t=1;state=pg-nearest',
  'instance=id-syd;region=syd;t=99999999999999999;state=x',
  'region=nrt;reason=timeout;replay_source=id-syd',
  'region=syd',
  'nrt',
  'syd',
  'mars,any',
  'pg-nearest.aaaaaaaa=1.2.FFFFFFFF/FFFFFFFF',
  '',
  ';;;===',
  'x'.repeat(2_000),
] as const

/** Deterministic, so that a failure can be seen again. */
function sequence(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

test('10,000 forged requests: none loops, each write is made once and on the primary', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['syd', 'ord'], rtt: 4 })
  await using edge = await startEdge(world)
  await ask(world.url('nrt'), 'create table forged (id int not null)')
  // A failed replay that does not name this machine is nobody's.
  vi.stubEnv('FLY_MACHINE_ID', 'a-machine')
  onTestFinished(() => void vi.unstubAllEnvs())
  const pools: NearestPool[] = []
  const apps: Server[] = []
  const servedBy = new Set<string>()
  try {
    for (const region of world.regions) {
      const pool = createPool(world.poolOptions(region))
      pools.push(pool)
      await pool.refresh()
      const [replays, sessions] = [replay(pool), session(pool, { header: 'x-pg-bookmark' })]
      const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const [, id = '', times] = (request.url ?? '').split('/')
        for (let i = 0; i < (times === 'thrice' ? 3 : 1); i++) {
          const written = await pool.query('insert into forged values ($1)', [Number(id)])
          servedBy.add(`${written.servedBy.server} ${written.servedBy.role}`)
        }
        response.end('written')
      }
      const app = createServer((request, response) =>
        replays(request, response, () =>
          sessions(request, response, () => {
            handle(request, response).catch((error: unknown) => {
              response.statusCode = 500
              response.end(String(error))
            })
          }),
        ),
      )
      await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
      apps.push(app)
      edge.add({ id: `id-${region}`, region, port: (app.address() as AddressInfo).port })
    }

    let next = 0
    let replayed = 0
    const worker = async (seed: number): Promise<void> => {
      const pick = sequence(seed)
      while (next < REQUESTS) {
        const id = next++
        const claims = Array.from({ length: 1 + pick(3) }, () => {
          const name = NAMES[pick(NAMES.length)]
          // The stand-in's own switch, which refuses what is no region of its world.
          const values = name === 'edge-region' ? world.regions : VALUES
          return [name, values[pick(values.length)]]
        })
        const method = pick(4) === 0 ? 'GET' : 'POST'
        const answer = await new Promise<IncomingMessage>((resolve, reject) => {
          const headers = Object.fromEntries(claims) as Record<string, string>
          // Routes of one and of three writes, so that some of them are replayed.
          send(`${edge.url('syd')}/${id}/${pick(2) === 0 ? 'once' : 'thrice'}`, { method, headers })
            .on('response', resolve)
            .on('error', reject)
            .end()
        })
        expect([answer.statusCode, await text(answer), claims]).toEqual([200, 'written', claims])
        const count = Number(answer.headers['edge-replays'])
        expect(count).toBeLessThanOrEqual(1)
        replayed += count
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => worker(i + 1)))

    expect([...servedBy]).toEqual(['nrt primary'])
    expect(replayed).toBeGreaterThan(REQUESTS / 20)
    const [counts] = await ask<{ ids: number; odd: number }>(
      world.url('nrt'),
      `select count(*)::int as ids, count(*) filter (where n not in (1, 3))::int as odd
       from (select count(*) as n from forged group by id) as each`,
    )
    expect(counts).toEqual({ ids: REQUESTS, odd: 0 })
  } finally {
    for (const app of apps) {
      app.close()
      app.closeAllConnections()
    }
    await Promise.all(pools.map((pool) => pool.destroy()))
  }
}, 600_000)
