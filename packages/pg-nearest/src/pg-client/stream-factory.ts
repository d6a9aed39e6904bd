import type { Duplex } from 'node:stream'
import type pg from 'pg'

type StreamFactory = NonNullable<pg.ClientConfig['stream']>

/** A property of the client: a cancel request needs another stream of the same kind. */
const FACTORY = Symbol('stream factory')

/** A socket, or what connectors give in its place. */
export interface ConnectableStream extends Duplex {
  connect(portOrPath: number | string, host?: string): unknown
  unref?(): void
}

/** The user's factory. What it returns is checked, because pg would fail on anything else outside of every promise. */
export function checkedStream(factory: StreamFactory): StreamFactory {
  return (...args: unknown[]) => {
    const made: unknown = Reflect.apply(factory, undefined, args)
    if (isConnectable(made)) return made
    throw new TypeError('the option "stream" has returned no stream with a method connect, such as a net.Socket')
  }
}

function isConnectable(value: unknown): value is ConnectableStream {
  if (typeof value !== 'object' || value === null) return false
  return ['connect', 'write', 'destroy', 'on'].every((name) => typeof Reflect.get(value, name) === 'function')
}

export function noteStreamFactory(client: object, factory: StreamFactory | undefined): void {
  if (factory !== undefined) Object.defineProperty(client, FACTORY, { value: factory })
}

/** A new stream to where this client's leads; `undefined` if it has a plain socket. */
export function anotherStream(client: object): ConnectableStream | undefined {
  const factory = (client as { readonly [FACTORY]?: StreamFactory })[FACTORY]
  return factory?.() as ConnectableStream | undefined
}
