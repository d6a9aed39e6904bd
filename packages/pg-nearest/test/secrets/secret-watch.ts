import { inspect } from 'node:util'
import pg from 'pg'
import { NearestPool } from '../../src/pool/nearest-pool.ts'
import { RoutedPool } from '../../src/routed-pool/routed-pool.ts'

/** What was said somewhere, and where. */
export interface Leak {
  readonly where: string
  readonly text: string
}

/** Shorter ones stand in any text by chance. The world's have 24 characters. */
const SHORTEST_SECRET = 12
/** Of the events of one kind, so many are looked at in each pool: a soak makes a hundred thousand. */
const LOOKED_AT = 200

const secrets = new Set<string>()
const leaks: Leak[] = []
let looks = 0

/** Looks for every password that a connection was made with in what the library logs, throws, emits, and shows when inspected. */
export function watchForSecrets(): void {
  patch(
    pg.Client.prototype,
    'connect',
    (connect) =>
      function (...args) {
        watchPassword(this as pg.Client)
        return Reflect.apply(connect, this, args)
      },
  )
  watchOutput(process.stdout)
  watchOutput(process.stderr)
  watchEvents()
  for (const method of ['query', 'transaction', 'connect'] as const) watchErrors(RoutedPool.prototype, method)
  for (const method of ['end', 'destroy'] as const) watchInspection(method)
}

/** Of an entry's object, of a URL, or what a function gives: pg has it in the client's property in the end. */
function watchPassword(client: pg.Client): void {
  const password: unknown = client.password
  addSecret(password)
  if (typeof password !== 'function') return
  const watched = async (...args: unknown[]): Promise<unknown> => {
    const given: unknown = await Reflect.apply(password, undefined, args)
    addSecret(given)
    return given
  }
  Object.assign(client, { password: watched })
}

/** What was found, and how much was looked at. Begins anew. */
export function secretsFound(): { readonly leaks: readonly Leak[]; readonly looks: number } {
  const found = { leaks: leaks.splice(0), looks }
  looks = 0
  return found
}

export function addSecret(secret: unknown): void {
  if (typeof secret === 'string' && secret.length >= SHORTEST_SECRET) secrets.add(secret)
}

/** As a person or a log would see it. */
export function look(where: string, value: unknown): void {
  looks++
  const text = typeof value === 'string' ? value : inspect(value, { depth: 6, showHidden: true })
  for (const secret of secrets) {
    if (text.includes(secret) || text.includes(encodeURIComponent(secret))) {
      leaks.push({ where, text: text.replaceAll(secret, '<the password>').slice(0, 2_000) })
    }
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown

function patch(target: object, name: string, make: (original: Method) => Method): void {
  const original = Reflect.get(target, name) as Method
  Reflect.set(target, name, make(original))
}

function watchOutput(stream: NodeJS.WriteStream): void {
  patch(
    stream,
    'write',
    (write) =>
      function (...args) {
        if (typeof args[0] === 'string') look('output', args[0])
        return Reflect.apply(write, this, args)
      },
  )
}

function watchEvents(): void {
  const counts = new WeakMap<object, Map<string, number>>()
  patch(
    NearestPool.prototype,
    'emit',
    (emit) =>
      function (this: unknown, ...args) {
        const pool = this as object
        const kind = String(args[0])
        const count = counts.get(pool) ?? new Map<string, number>()
        counts.set(pool, count.set(kind, (count.get(kind) ?? 0) + 1))
        // What pg passes on beside an event is its own client, which knows its password, as in pg.
        if ((count.get(kind) ?? 0) <= LOOKED_AT)
          for (const arg of args.slice(1)) if (!isPgClient(arg)) look(`event ${kind}`, arg)
        return Reflect.apply(emit, this, args)
      },
  )
}

function isPgClient(value: unknown): boolean {
  return value instanceof pg.Client
}

function watchErrors(target: object, name: string): void {
  patch(
    target,
    name,
    (method) =>
      function (...args) {
        try {
          const result: unknown = Reflect.apply(method, this, args)
          if (!(result instanceof Promise)) return result
          // In the chain and not beside it: a promise with two listeners has no stack that leads to its caller.
          return result.catch((error: unknown) => throwLookedAt(name, error))
        } catch (error) {
          return throwLookedAt(name, error)
        }
      },
  )
}

function throwLookedAt(where: string, error: unknown): never {
  look(`error of ${where}`, error)
  look(`error of ${where}`, String(error))
  look(`error of ${where}`, json(error))
  throw error
}

function watchInspection(name: 'end' | 'destroy'): void {
  patch(
    NearestPool.prototype,
    name,
    (method) =>
      function (...args) {
        const pool = this as NearestPool
        look('inspect(pool)', pool)
        look('options', JSON.stringify(pool.options) ?? '')
        look('status()', JSON.stringify(pool.status()))
        return Reflect.apply(method, this, args)
      },
  )
}

function json(error: unknown): string {
  try {
    return JSON.stringify(error) ?? ''
  } catch {
    return ''
  }
}
