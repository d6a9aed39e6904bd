import type { PendingCalls } from './pending-calls.ts'

type Method = (this: object, ...args: unknown[]) => unknown

/** The methods of a pool's prototype that return a promise, or take a callback. */
export type WatchedMethod = 'query' | 'connect' | 'transaction' | 'refresh' | 'replicated' | 'end'

const TAKES_CALLBACK: ReadonlySet<string> = new Set(['query', 'connect', 'end'])
const SHOWN_CHARACTERS = 200

/** Makes the calls of these methods known, and those of `query` on each client that `connect` lends. */
export function watchPools(prototype: object, methods: readonly WatchedMethod[], calls: PendingCalls): void {
  for (const name of methods) watchMethod(prototype, name, calls, (pool) => pool)
}

/** The pool that lent each client. */
const lenders = new WeakMap<object, object>()
const watchedClients = new WeakSet()

function watchMethod(
  prototype: object,
  name: WatchedMethod,
  calls: PendingCalls,
  poolOf: (self: object) => object | undefined,
): void {
  const original: unknown = Reflect.get(prototype, name)
  if (typeof original !== 'function') throw new TypeError(`There is no method ${name} to watch.`)
  const watched: Method = function (...args) {
    const pool = poolOf(this)
    if (pool === undefined) return Reflect.apply(original, this, args)
    const noteClient = (client: unknown): void => {
      if (name === 'connect') watchClient(client, pool, calls)
    }
    const what = describe(name, args)
    const settled = calls.add(what, pool)
    try {
      const callbackAt = TAKES_CALLBACK.has(name) ? indexOfCallback(args, lenders.has(this)) : -1
      if (callbackAt >= 0) {
        const callback = args[callbackAt] as Method
        args[callbackAt] = function (this: object, ...results: unknown[]) {
          settled()
          noteClient(results[1])
          return Reflect.apply(callback, this, results)
        }
        return Reflect.apply(original, this, args)
      }
      const result: unknown = Reflect.apply(original, this, args)
      if (!(result instanceof Promise)) {
        settled()
        return result
      }
      // In the chain and not beside it: a promise with two listeners has no stack that leads to its caller.
      return result.then(
        (value: unknown) => {
          settled()
          noteClient(value)
          return value
        },
        (error: unknown) => {
          settled()
          throw error
        },
      )
    } catch (error) {
      settled()
      throw error
    }
  }
  Reflect.set(prototype, name, watched)
}

function watchClient(client: unknown, pool: object, calls: PendingCalls): void {
  if (typeof client !== 'object' || client === null) return
  lenders.set(client, pool)
  const prototype: unknown = Object.getPrototypeOf(client)
  if (typeof prototype !== 'object' || prototype === null || watchedClients.has(prototype)) return
  watchedClients.add(prototype)
  watchMethod(prototype, 'query', calls, (self) => lenders.get(self))
}

function describe(name: string, [first]: readonly unknown[]): string {
  const text = typeof first === 'string' ? first : textOf(first)
  return text === undefined ? name : `${name} ${text.slice(0, SHOWN_CHARACTERS)}`
}

function textOf(config: unknown): string | undefined {
  if (typeof config !== 'object' || config === null || !('text' in config)) return undefined
  return typeof config.text === 'string' ? config.text : undefined
}

/** Of several, a client calls the last one, and a pool the first. */
function indexOfCallback(args: readonly unknown[], isOfClient: boolean): number {
  const isCallback = (arg: unknown): boolean => typeof arg === 'function'
  return isOfClient ? args.findLastIndex(isCallback) : args.findIndex(isCallback)
}
