import pg from 'pg'

export interface ServerClientOptions {
  /** Holds the password. Kept in a closure, so that no options object that could be printed contains it. */
  readonly url: string
  readonly connectTimeoutMs: number
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
export function serverClient({ url, connectTimeoutMs, onPromotion }: ServerClientOptions): typeof pg.Client {
  return class ServerClient extends pg.Client {
    [IN_HOT_STANDBY]: boolean | undefined = undefined

    constructor(config?: pg.ClientConfig) {
      const wanted = config?.connectionTimeoutMillis
      super({
        ...config,
        connectionString: url,
        connectionTimeoutMillis:
          wanted === undefined || wanted === 0 ? connectTimeoutMs : Math.min(wanted, connectTimeoutMs),
      })
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
}

/**
 * Whether this connection's server is in recovery, by its last `in_hot_standby`; `undefined` before PostgreSQL 14. After a
 * promotion it changes with the next reply.
 */
export function isStandby(client: object): boolean | undefined {
  return (client as { [IN_HOT_STANDBY]?: boolean })[IN_HOT_STANDBY]
}
