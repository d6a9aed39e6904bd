import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { createApp } from './web/app.tsx'
import type { AppOptions } from './web/app.tsx'

export interface ServerOptions extends AppOptions {
  /** 0 for any free port. */
  readonly port: number
  /** The address to listen on. Default: `localhost`, which only this machine can reach. */
  readonly hostname?: string | undefined
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  /** Takes no new requests, lets the running ones end for at most ten seconds, and leaves the pool to its owner. */
  close(): Promise<void>
}

/** Longer than proxies keep a connection, so that none sends a request on one that is being closed. */
const keepAliveTimeout = 65_000

/** Listens; rejects when the port is taken. */
export const startServer = async ({ port, hostname = 'localhost', ...app }: ServerOptions): Promise<RunningServer> => {
  const server = createAdaptorServer({ fetch: createApp(app).fetch, serverOptions: { keepAliveTimeout } })
  server.listen(port, hostname)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')

  return {
    url: `http://localhost:${address.port}`,
    port: address.port,
    async close() {
      const closed = once(server, 'close')
      // For connections whose request runs: they have nothing to wait for after it.
      if ('keepAliveTimeout' in server) server.keepAliveTimeout = 1
      server.close()
      const patience = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 10_000)
      await closed
      clearTimeout(patience)
    },
  }
}
