import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { errorNameAndCode } from './error-name-and-code.ts'
import { StreamError } from '../errors.ts'

type StreamFactory = NonNullable<pg.ClientConfig['stream']>

/** A property of the client: a cancel request needs another stream of the same kind. */
const FACTORY = Symbol('stream factory')

/** A socket, or what connectors give in its place. */
export interface ConnectableStream extends Duplex {
  connect(portOrPath: number | string, host?: string): unknown
  unref?(): void
}

/**
 * The user's factory. What it returns is checked, because pg would fail on anything else outside of every promise; and what it throws is
 * left out, because it may hold a secret.
 */
export function checkedStream(server: string, factory: StreamFactory): StreamFactory {
  return (...args: unknown[]) => {
    const made = make(server, () => Reflect.apply(factory, undefined, args))
    if (isConnectable(made)) return guarded(server, made)
    // Of a promise nobody else would hear that it has failed.
    Promise.resolve(made).catch(ignore)
    throw new StreamError(server, `has returned no stream with the methods of a net.Socket (${NEEDED.join(', ')})`)
  }
}

/** Sockets that lead to an address, whatever host they are told; `undefined`: no address is given. */
export function addressFactory(hostaddr: string | undefined): StreamFactory | undefined {
  return hostaddr === undefined ? undefined : () => new AddressSocket(hostaddr)
}

class AddressSocket extends Socket {
  readonly #hostaddr: string

  constructor(hostaddr: string) {
    super()
    this.#hostaddr = hostaddr
  }

  override connect(port: unknown): this {
    return super.connect(Number(port), this.#hostaddr)
  }
}

/** What the user's code makes. */
function make(server: string, create: () => unknown): unknown {
  try {
    return create()
  } catch (error) {
    throw new StreamError(server, `has failed${errorNameAndCode(error)}`)
  }
}

/** pg calls its `connect`, of which the same holds. */
function guarded(server: string, stream: ConnectableStream): ConnectableStream {
  const connect: unknown = Reflect.get(stream, 'connect')
  const value = (...args: unknown[]): unknown =>
    make(server, () => Reflect.apply(connect as (...given: unknown[]) => unknown, stream, args))
  // pg has a process that has nothing else to do end by these, where they are.
  for (const name of ['ref', 'unref']) {
    if (typeof Reflect.get(stream, name) !== 'function') Object.defineProperty(stream, name, { value: ignore })
  }
  return Object.defineProperty(stream, 'connect', { value, configurable: true, writable: true })
}

/** What is called of it before anything has come back. */
const NEEDED = ['connect', 'setNoDelay', 'write', 'end', 'destroy', 'on', 'once', 'off'] as const

function isConnectable(value: unknown): value is ConnectableStream {
  if (typeof value !== 'object' || value === null) return false
  return NEEDED.every((name) => typeof Reflect.get(value, name) === 'function')
}

function ignore(): void {}

export function noteStreamFactory(client: object, factory: StreamFactory | undefined): void {
  if (factory !== undefined) Object.defineProperty(client, FACTORY, { value: factory })
}

/** A new stream to where this client's leads; `undefined` if it has a plain socket. */
export function anotherStream(client: object): ConnectableStream | undefined {
  const factory = (client as { readonly [FACTORY]?: StreamFactory })[FACTORY]
  return factory?.() as ConnectableStream | undefined
}
