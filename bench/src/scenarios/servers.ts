import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import pg from 'pg'
import { createPool, type NearestPoolOptions } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { median, msOfTurn, pairedRatio, type Ratio } from '../measure.ts'
import { progressLine } from '../progress.ts'
import type { ServersTask } from '../servers-process.ts'
import { createUsers } from '../users.ts'

/** What a pool of so many servers costs its process. */
export interface ServersCost {
  readonly servers: number
  /** Microseconds of processor time for a read, at 10 callers. */
  readonly readCpuUs: number
  /** To the pool of two servers; aim: at most 1.2. */
  readonly ratio: Ratio
  /** Of a core, with one read a second; aim: at most 0.01 with 18 servers, 0.03 with 200. */
  readonly idleShare: number
  /** Aim: at most 1,000,000 with 18 servers. */
  readonly heapBytes: number
}

const COUNTS = [2, 18, 200]
/** A server takes no more connections than that; the other entries lead to ports at which nobody listens. */
const MOST_LINKS = 60
const CALLERS = 10
const ROUNDS = 9

/** Takes about as long as asked for, in seconds. */
export async function servers(seconds: number): Promise<ServersCost[]> {
  using progress = progressLine()
  progress.show('booting a world')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await withTable(world.poolOptions('ord'), world.url('ord'))
  const links = await Promise.all(
    Array.from({ length: 2 * MOST_LINKS }, (_, i) => openLink(world.url(i % 2 === 0 ? 'ord' : 'syd'))),
  )
  const near = world.poolOptions('ord')
  const { ord = '' } = near.replicas
  const children = COUNTS.map(startChild)
  try {
    const heaps: number[] = []
    for (const [i, child] of children.entries()) {
      progress.show(`a pool of ${COUNTS[i]} servers`)
      heaps.push(await ask(child, { kind: 'open', options: optionsOf(COUNTS[i] ?? 2, near, ord, links) }))
    }
    const ms = msOfTurn(seconds, COUNTS.length * 2, ROUNDS)
    const reads: number[][] = COUNTS.map(() => [])
    const idles: number[][] = COUNTS.map(() => [])
    for (let round = 0; round <= ROUNDS; round++) {
      progress.show(`round ${round} of ${ROUNDS}`)
      const turns = [...children.entries()]
      for (const [i, child] of round % 2 === 0 ? turns : turns.toReversed()) {
        const read = await ask(child, { kind: 'reads', callers: CALLERS, ms })
        if (round > 0) reads[i]?.push(read)
      }
      // They do next to nothing meanwhile, and so can do it together.
      const shares = await Promise.all(children.map((child) => ask(child, { kind: 'idle', ms: COUNTS.length * ms })))
      if (round > 0) for (const [i, share] of shares.entries()) idles[i]?.push(share)
    }
    return COUNTS.map((count, i) => ({
      servers: count,
      readCpuUs: median(reads[i] ?? []),
      ratio: pairedRatio(reads[i] ?? [], reads[0] ?? []),
      idleShare: median(idles[i] ?? []),
      heapBytes: heaps[i] ?? Number.NaN,
    }))
  } finally {
    await Promise.all(
      children.map(async (child) => {
        await ask(child, { kind: 'end' }).catch(() => child.kill())
        if (child.connected) child.disconnect()
      }),
    )
    for (const link of links) link.close()
  }
}

async function withTable(options: NearestPoolOptions, replica: string): Promise<void> {
  await using pool = createPool(options)
  const bare = new pg.Pool({ connectionString: replica })
  await createUsers(pool, bare)
  await bare.end()
}

function startChild(): ChildProcess {
  const program = new URL('../servers-process.js', import.meta.url)
  return fork(program, { execArgv: ['--expose-gc'] })
}

async function ask(child: ChildProcess, task: ServersTask): Promise<number> {
  const stop = new AbortController()
  const { signal } = stop
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('A process that was measured has ended')
  })
  child.send(task)
  try {
    const [reply] = (await Promise.race([once(child, 'message', { signal }), ended])) as [number]
    return reply
  } finally {
    stop.abort()
    ended.catch(() => undefined)
  }
}

/** A way of its own to a server, so that it can be listed once more. */
async function openLink(url: string): Promise<Server> {
  const { hostname, port } = new URL(url)
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.on('error', () => far.destroy()).pipe(far)
    far.on('error', () => near.destroy()).pipe(near)
    near.setNoDelay()
    far.setNoDelay()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function optionsOf(
  count: number,
  near: NearestPoolOptions,
  replica: string,
  links: readonly Server[],
): NearestPoolOptions {
  const others = Array.from({ length: count - 2 }, (_, i) => {
    const url = new URL(replica)
    url.hostname = '127.0.0.1'
    const link = links[i]
    url.port = String(link === undefined ? 1 + (i % 900) : (link.address() as AddressInfo).port)
    return [`r${String(i).padStart(3, '0')}`, url.href] as const
  })
  return { ...near, replicas: { ord: replica, ...Object.fromEntries(others) } }
}
