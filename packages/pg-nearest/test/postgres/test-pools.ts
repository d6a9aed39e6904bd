import { createPool, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { within } from './settling.ts'

/** The pools that tests create: none of them outlives its test. */
export class TestPools {
  readonly #pools: NearestPool[] = []

  create(options: NearestPoolOptions): NearestPool {
    const pool = createPool(options)
    this.#pools.push(pool)
    return pool
  }

  /** One that knows its servers. */
  async start(options: NearestPoolOptions): Promise<NearestPool> {
    const pool = this.create(options)
    pool.on('error', () => undefined)
    await pool.refresh()
    return pool
  }

  async destroyAll(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => within(5_000, 'destroy()', pool.destroy())))
  }
}
