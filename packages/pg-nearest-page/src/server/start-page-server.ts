import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { admissionOf, type Gate } from './admission.ts'
import { createPageHandler, type PageHandler, type PageOptions } from './page-handler.ts'

export interface PageServerOptions extends PageOptions {
  /** Default 0: one that is free. */
  readonly port?: number | undefined
  /**
   * The address to listen on. Default 127.0.0.1: this machine alone. On any other one nobody is let in who has not opened `url`, in which there
   * is a key; it is not encrypted on its way, so put a proxy with TLS before it, or use a network that you trust.
   */
  readonly host?: string | undefined
}

export interface PageServer extends Pick<PageHandler, 'publish' | 'clients'> {
  /** As a browser is to open it; with the key, if one is needed. */
  readonly url: string
  close(): Promise<void>
}

const OWN_ADDRESS = '127.0.0.1'
const LOOPBACK: readonly string[] = [OWN_ADDRESS, '::1']
const MOST_CONNECTIONS = 64

/**
 * Serves a page to this machine, and to nobody else unless `host` says otherwise: it listens on the loopback address, answers only to that as
 * its host, and to no other page. Rejects when the port is taken.
 */
export async function startPageServer({
  port = 0,
  host = OWN_ADDRESS,
  ...options
}: PageServerOptions): Promise<PageServer> {
  let gate: Gate | undefined
  // Under which names others reach this machine it does not know; the key keeps out whoever was led here.
  let hosts: readonly string[] | undefined = []
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
    (request, response) => {
      if (gate === undefined || isLetIn(request, response, gate)) handler.handle(request, response, pathOf(request.url))
    },
  )
  server.maxConnections = MOST_CONNECTIONS
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The page has no port.')
  if (LOOPBACK.includes(host)) hosts = [...LOOPBACK, 'localhost'].map((name) => `${inUrl(name)}:${address.port}`)
  else {
    hosts = undefined
    // Cookies know no ports.
    gate = { name: `pg-nearest-page-${address.port}`, key: randomBytes(24).toString('base64url') }
  }
  return {
    url: `http://${inUrl(reachable(host))}:${address.port}/${gate === undefined ? '' : `?key=${gate.key}`}`,
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

/** Answers those who are not. */
function isLetIn({ method = '', url = '/', headers }: IncomingMessage, response: ServerResponse, gate: Gate): boolean {
  switch (admissionOf({ method, url, cookies: headers.cookie }, gate)) {
    case 'in':
      return true
    case 'arrives':
      // The address without the key, so that it stays out of the browser's history and of what it tells others.
      response.writeHead(303, {
        location: './',
        'set-cookie': `${gate.name}=${gate.key}; HttpOnly; SameSite=Strict`,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
      response.end()
      return false
    case 'out':
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
      response.end('Open the address that the program has printed: there is a key in it.')
      return false
  }
}

/** Where others find this machine, if it listens on all of its addresses. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const outer = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.internal === false && each.family === 'IPv4')
  return outer?.address ?? OWN_ADDRESS
}

function inUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

/** `/state/reduce.js?x` is `state/reduce.js`. */
export function pathOf(url = '/'): string {
  return url.split(/[?#]/, 1)[0]?.replace(/^\/+/, '') ?? ''
}
