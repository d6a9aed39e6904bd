import pg from 'pg'
import { connectTimeLeft } from './connect-client.ts'
import { askForPassword, type PasswordFunction } from './password-function.ts'
import { redactOwnPassword } from './redact-own-password.ts'
import { identify, setPassword } from '../wire/pg-internals.ts'
import { makeLendable } from './lent-client-delegation.ts'
import { detectWrongPeer } from './wrong-peer-detection.ts'
import { addressFactory, checkedStream, noteStreamFactory } from './stream-factory.ts'

/** What a client needs to know of its server. */
export interface ClientLogin {
  readonly address: {
    readonly host: string
    readonly hostaddr?: string | undefined
    readonly port: number
    readonly database: string | undefined
    readonly user: string | undefined
    /** Says the rest. */
    readonly url: string | undefined
  }
  readonly password: string | PasswordFunction | undefined
  readonly settings: pg.ClientConfig
}

export interface ServerClientOptions {
  readonly server: string
  /** Holds the password. Kept in a closure, so that no options object that could be printed contains it. */
  readonly login: () => ClientLogin
  /** A connection reports that its server was promoted. */
  readonly onPromotion?: (() => void) | undefined
}

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** A property of the client, because it is read with each statement. */
const IN_HOT_STANDBY = Symbol('in_hot_standby')

/** A `pg.Client` for one server that tracks, without a query, whether the server is in recovery. */
export function serverClient(options: ServerClientOptions): typeof pg.Client {
  const { server, login, onPromotion } = options
  class ServerClient extends pg.Client {
    [IN_HOT_STANDBY]: boolean | undefined = undefined

    constructor(config?: pg.ClientConfig) {
      const { address, password, settings } = login()
      const { stream, ...given } = { ...config, ...settings }
      const factory = stream === undefined ? addressFactory(address.hostaddr) : checkedStream(server, stream)
      super({
        ...given,
        ...(factory === undefined ? {} : { stream: factory }),
        ...(address.url === undefined ? {} : { connectionString: address.url }),
        // `connectClient` limits it.
        connectionTimeoutMillis: 0,
      })
      identify(this, address)
      noteStreamFactory(this, factory)
      detectWrongPeer(this)
      redactOwnPassword(this)
      if (typeof password === 'string') setPassword(this, password)
      else if (password !== undefined) {
        setPassword(this, (parameters) => askForPassword(server, () => password(parameters), connectTimeLeft(this)))
      }
      // pg would apply it to the whole pipeline, which it takes for one query. Each statement has its own timer instead.
      ;(this as unknown as { connectionParameters: { query_timeout?: unknown } }).connectionParameters.query_timeout =
        undefined
      this.connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
        if (parameterName !== 'in_hot_standby') return
        const said = this[IN_HOT_STANDBY]
        this[IN_HOT_STANDBY] = parameterValue === 'on'
        if (said === true && parameterValue !== 'on') onPromotion?.()
      })
    }
  }
  makeLendable(ServerClient)
  // Some libraries look at it.
  Object.defineProperty(ServerClient, 'name', { value: 'Client' })
  return ServerClient
}

/**
 * Whether this connection's server is in recovery, by its last `in_hot_standby`; `undefined` before PostgreSQL 14. After a
 * promotion it changes with the next reply.
 */
export function isStandby(client: object): boolean | undefined {
  return (client as { [IN_HOT_STANDBY]?: boolean })[IN_HOT_STANDBY]
}
