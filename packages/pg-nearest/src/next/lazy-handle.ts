import type { RoutedPool } from '../routed-pool/routed-pool.ts'

/** Chooses, for each call, the handle that it runs on. It asks for the one that is given, if at all, where that may be made. */
export type Within = (handle: () => RoutedPool) => Promise<RoutedPool>

type Call = (...args: unknown[]) => unknown
type Running = (typeof RUNNING)[number]

/** What runs statements. */
const RUNNING = ['query', 'connect', 'transaction', 'batch'] as const
/** What languages and libraries ask of anything, before it is used. */
const ASKED_OF_ANYTHING = new Set<string | symbol>(['constructor', 'then'])

/**
 * A handle that is made by its first use, with handles of the same kind where it has others.
 *
 * @param kind - its prototype.
 * @param own - what it has instead of what is there.
 */
export function lazyHandle<T extends RoutedPool>(kind: T, get: () => T, within: Within, own: object = {}): T {
  const handleOf = (make: () => RoutedPool): RoutedPool =>
    lazyHandle(Object.getPrototypeOf(kind) as RoutedPool, make, within)
  return new Proxy(Object.create(kind) as T, {
    get(target, name, handle) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown
      if (ASKED_OF_ANYTHING.has(name)) return Reflect.get(target, name)
      if (isRunning(name)) return running(name, () => within(get))
      // The pool's other handles are made as late as itself.
      if (name === 'primary' && isMethod(kind, 'replica'))
        return handleOf(() => (get() as T & { readonly primary: RoutedPool }).primary)
      if (!isMethod(kind, name)) return Reflect.get(get(), name) as unknown
      const call: Call = (...args) => {
        const made = get()
        const result = Reflect.apply(Reflect.get(made, name) as Call, made, args)
        // What is chained, as `on` is, goes on with this one.
        return result === made ? handle : result
      }
      if (name === 'replica') return (...which: unknown[]) => handleOf(() => call(...which) as RoutedPool)
      return name === 'replicas' ? () => eachOf(call() as ReadonlyMap<string, RoutedPool>, handleOf) : call
    },
    set: (_target, name, value) => Reflect.set(get(), name, value),
  })
}

function eachOf(
  handles: ReadonlyMap<string, RoutedPool>,
  handleOf: (make: () => RoutedPool) => RoutedPool,
): ReadonlyMap<string, RoutedPool> {
  return new Map([...handles].map(([region, each]) => [region, handleOf(() => each)]))
}

/** Without asking for what is an accessor. */
function isMethod(kind: object | null, name: string | symbol): boolean {
  if (kind === null) return false
  const descriptor = Object.getOwnPropertyDescriptor(kind, name)
  return descriptor === undefined
    ? isMethod(Object.getPrototypeOf(kind) as object | null, name)
    : typeof descriptor.value === 'function'
}

function running(name: Running, handle: () => Promise<RoutedPool>): Call {
  const run = async (args: readonly unknown[]): Promise<unknown> => {
    const own = await handle()
    return Reflect.apply(own[name] as Call, own, args)
  }
  return (...args) => {
    const [first] = args
    const told = name === 'query' || name === 'connect' ? args.findLast((arg) => typeof arg === 'function') : undefined
    const isStream = name === 'query' && isSubmittable(first)
    if (told === undefined && !isStream) return run(args)
    // Its end is told by itself: only that it could not begin is told here.
    run(args).catch((error: unknown) => (isStream ? first.handleError?.(error, null) : (told as Call)(error)))
    return isStream ? first : undefined
  }
}

interface Submittable {
  submit(connection: unknown): void
  handleError?(error: unknown, connection: unknown): void
}

function isSubmittable(value: unknown): value is Submittable {
  return typeof (value as Partial<Submittable> | null | undefined)?.submit === 'function'
}

function isRunning(name: string | symbol): name is Running {
  return (RUNNING as readonly (string | symbol)[]).includes(name)
}
