import pg from 'pg'

export interface ServerClientOptions {
  /** Holds the password: it stays in this closure, and out of every options object that could be printed. */
  readonly url: string
  readonly connectTimeoutMs: number
  /** A connection says something else than it said before: its server was promoted. */
  readonly onPromotion?: (() => void) | undefined
}

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** On the client itself: it is asked for with each statement. */
const IN_HOT_STANDBY = Symbol('in_hot_standby')

/** A `pg.Client` for one server that knows, without asking, whether the server is in recovery. */
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
      // It would end the pipeline, which is all queries at once; each has its own time.
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
 * Whether this connection's server is in recovery, as it last said; `undefined` for PostgreSQL before 14, which does not
 * say. A promotion shows with the first reply after it.
 */
export function isStandby(client: object): boolean | undefined {
  return (client as { [IN_HOT_STANDBY]?: boolean })[IN_HOT_STANDBY]
}
