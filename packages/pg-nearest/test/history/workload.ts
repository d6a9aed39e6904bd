import { createPool, type NearestPoolOptions } from 'pg-nearest'
import type { World } from 'pg-nearest-world'
import { createRegisters, type Operation, Recorder, seededRandom, seedOf } from 'pg-nearest-world/chaos'
import { Client } from './client.ts'

export interface WorkloadOptions {
  readonly seed: number
  /** The workload ends when it has made so many. Default: when `signal` says so. */
  readonly operations?: number | undefined
  /** How many sessions at the same time. Default 64. */
  readonly sessions?: number | undefined
  /** Default 40. */
  readonly registers?: number | undefined
  /** Milliseconds that a session does nothing between two turns, at most. Default 0. */
  readonly thinkMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Of every pool, such as `consistency`. */
  readonly pool?: Partial<NearestPoolOptions>
}

export interface Workload {
  /** Grows until `done`. */
  readonly history: readonly Operation[]
  /** One message for each code of an error. */
  readonly messages: ReadonlyMap<string, string>
  readonly done: Promise<void>
}

/**
 * Reads and writes registers from every region of a world at once, in causal sessions that wander between the regions, and
 * now and then in the one that each process has.
 * The same seed makes the same choices; what the servers, the links and the clock make of them is another matter.
 */
export async function startWorkload(world: World, options: WorkloadOptions): Promise<Workload> {
  const { seed, operations = Infinity, sessions = 64, registers = 40, thinkMs = 0, signal } = options
  await createRegisters(world, registers)
  const pools = world.regions.map((region) => ({
    region,
    pool: createPool({ ...world.poolOptions(region), ...options.pool }),
  }))
  for (const { pool } of pools) pool.on('error', () => undefined)
  const recorder = new Recorder()
  const busy = (): boolean => signal?.aborted !== true && recorder.history.length < operations
  const all = Array.from({ length: sessions }, (_, index) => {
    const random = seededRandom(seedOf(seed, index))
    return new Client(`s${index}`, pools, registers, random, recorder).live(busy, thinkMs)
  })
  const done = Promise.all(all)
    .finally(() => Promise.all(pools.map(({ pool }) => pool.destroy())))
    .then(() => undefined)
  return { history: recorder.history, messages: recorder.messages, done }
}
