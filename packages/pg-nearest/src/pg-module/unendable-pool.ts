import type pg from 'pg'

/** A pool of `createPool()`, or a handle of one. */
export type ModulePool = pg.Pool

/** The same pool, but that `end()` ends nothing, and that whatever is set on it is set on it alone: pg-promise replaces `end`. */
export function unendablePool(pool: ModulePool): ModulePool {
  const end = (callback?: () => void): Promise<void> | void => {
    if (callback === undefined) return Promise.resolve()
    process.nextTick(callback)
  }
  const own = new Map<PropertyKey, unknown>([['end', end]])
  return new Proxy(pool, {
    get(target, name) {
      if (own.has(name)) return own.get(name)
      const value: unknown = Reflect.get(target, name)
      // What is private to the pool is found only on the pool itself.
      return typeof value === 'function' && name !== 'constructor' ? value.bind(target) : value
    },
    set(_target, name, value) {
      own.set(name, value)
      return true
    },
  })
}
