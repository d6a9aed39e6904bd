import { once } from 'node:events'
import { createServer } from 'node:http'
import { createPageHandler, type PageHandler, type PageOptions } from './page-handler.ts'

export interface PageServerOptions extends PageOptions {
  /** On 127.0.0.1. Default 0: one that is free. */
  readonly port?: number | undefined
}

export interface PageServer extends Pick<PageHandler, 'publish' | 'clients'> {
  readonly url: string
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const MOST_CONNECTIONS = 64

/**
 * Serves a page to this machine, and to nobody else: it listens on the loopback address, answers only to that as its host, and to no other
 * page. Rejects when the port is taken.
 */
export async function startPageServer({ port = 0, ...options }: PageServerOptions): Promise<PageServer> {
  let hosts: readonly string[] = []
  const handler = await createPageHandler(options, () => hosts)
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      headersTimeout: 20_000,
      requestTimeout: 20_000,
      // Browsers open connections ahead of their requests, and complain of those that are closed meanwhile.
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => handler.handle(request, response, pathOf(request.url)),
  )
  server.maxConnections = MOST_CONNECTIONS
  server.listen(port, LOOPBACK)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The page has no port.')
  hosts = [`${LOOPBACK}:${address.port}`, `localhost:${address.port}`]
  return {
    url: `http://${LOOPBACK}:${address.port}/`,
    publish: handler.publish,
    get clients() {
      return handler.clients
    },
    async close() {
      const closed = once(server, 'close')
      handler.close()
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** `/state/reduce.js?x` is `state/reduce.js`. */
export function pathOf(url = '/'): string {
  return url.split(/[?#]/, 1)[0]?.replace(/^\/+/, '') ?? ''
}
