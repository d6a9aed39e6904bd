import type pg from 'pg'

/** A pool of `createPool()`, or a handle of one. */
export type ModulePool = pg.Pool

/** The same pool, but that `end()` ends nothing. */
export function poolView(pool: ModulePool): ModulePool {
  const end = (callback?: () => void): Promise<void> | void => {
    if (callback === undefined) return Promise.resolve()
    process.nextTick(callback)
  }
  return new Proxy(pool, {
    get(target, name) {
      if (name === 'end') return end
      const value: unknown = Reflect.get(target, name)
      // What is private to the pool is found only on the pool itself.
      return typeof value === 'function' && name !== 'constructor' ? value.bind(target) : value
    },
  })
}
