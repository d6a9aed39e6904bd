import { randomUUID } from 'node:crypto'
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WorldError } from '../world-error.ts'
import type { World } from '../world-types.ts'
import type { Instance } from './choose-instances.ts'
import { deliver, type Backend, type Delivered } from './deliver.ts'
import { edgeHeaders, endToEnd, type HeaderList } from './forwarded-headers.ts'
import { readBody } from './request-body.ts'
import { requestRegion, type RequestRegion } from './request-region.ts'
import { failureOf, passOn, passUpgradeOn, refuseUpgrade } from './respond.ts'
import { createInstanceLinks } from './instance-links.ts'
import { isHttp2Offer, takeAsPlain } from './http2-offer.ts'

export interface EdgeOptions {
  /** The name of the app, as `app=` of `fly-replay` gives it. Default `app`. */
  readonly app?: string | undefined
  /** The port of `url()`. Default: one that is free. */
  readonly port?: number | undefined
}

/** A proxy that stands in for Fly's, with a door in each region. */
export interface Edge extends AsyncDisposable {
  /** As somebody in a region has it; without one, in the primary's, unless a request says something else. */
  url(region?: string): string
  /** Adds a copy of the app that listens on a port of 127.0.0.1. */
  add(instance: Instance): void
  remove(id: string): void
  close(): Promise<void>
}

/**
 * Starts a proxy that takes requests in each of a world's regions, brings them to the nearest instance of an app over the world's links,
 * and does what Fly's proxy does: `fly-replay`, as a header and as JSON, with its limits and failures; WebSockets; the headers that tell an
 * app of a request. Where a request comes from, its port says, the header `edge-region`, or `?edge-region=syd`, which a browser that has
 * opened `url()` so goes on to say, by a cookie.
 *
 * It passes on whatever a client claims (`fly-replay-src` and the like), for it is not documented that Fly removes it.
 *
 * @see https://fly.io/docs/networking/dynamic-request-routing/
 */
export async function startEdge(world: World, { app = 'app', port = 0 }: EdgeOptions = {}): Promise<Edge> {
  const instances = new Map<string, Instance>()
  const links = createInstanceLinks(world)
  const backend: Backend = { app, instances: () => [...instances.values()], links }
  const doors = new Map<string | undefined, Server>()
  const sockets = new Set<Duplex>()

  const openDoor = async (region: string | undefined, at: number): Promise<void> => {
    const door = createServer((request, response) => {
      void bring(request, region, undefined, hasLeft(response))
        .then((brought) =>
          passOn(brought, { replaced: answerHeaders(brought), added: cookieOf(brought.from) }, response),
        )
        // An app's status may be none, and then it cannot be passed on.
        .catch((error: unknown) => {
          const { status, message } = failureOf(error)
          response.writeHead(status, STATUS_CODES[status], { 'Content-Type': 'text/plain' }).end(`${message}\n`)
        })
    })
    door.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      if (isHttp2Offer(request)) return takeAsPlain(door, request, client, head)
      sockets.add(client)
      client.on('close', () => sockets.delete(client)).on('error', () => undefined)
      void bring(request, region, request.headers.upgrade, hasLeft(client)).then(
        (delivered) => passUpgradeOn(delivered, answerHeaders(delivered), client, head),
        (error: unknown) => refuseUpgrade(failureOf(error), client),
      )
    })
    await new Promise<void>((resolve, reject) => {
      door.once('error', (cause) =>
        reject(new WorldError('WORLD_BAD_OPTION', `The edge cannot listen on ${at}.`, { cause })),
      )
      door.listen(at, '127.0.0.1', resolve)
    })
    doors.set(region, door)
  }

  const regionOf = ({ url = '/', headers }: IncomingMessage, door: string | undefined): RequestRegion =>
    requestRegion({ path: url, header: headers['edge-region'], cookie: headers.cookie, door }, world)

  const bring = async (
    request: IncomingMessage,
    door: string | undefined,
    upgrade: string | undefined,
    signal: AbortSignal,
  ): Promise<Delivered & { readonly from: RequestRegion }> => {
    const from = regionOf(request, door)
    const { region, path } = from
    const headers = edgeHeaders(endToEnd(request.rawHeaders), {
      region,
      clientAddress: request.socket.remoteAddress ?? '',
      port: request.socket.localPort ?? 0,
      requestId: `${randomUUID()}-${region}`,
    })
    const body = upgrade === undefined ? await readBody(request) : NO_BODY
    const method = request.method ?? 'GET'
    const arrived = { region, method, path, headers, wishes: request.headers, body, upgrade, signal }
    return { ...(await deliver(arrived, backend)), from }
  }

  await openDoor(undefined, port)
  for (const region of world.regions) await openDoor(region, 0)
  const edge: Edge = {
    url(region) {
      const address = doors.get(region)?.address()
      if (typeof address === 'object' && address !== null) return `http://127.0.0.1:${address.port}`
      throw new WorldError('WORLD_UNKNOWN_REGION', `The edge has no door in ${JSON.stringify(region)}.`)
    },
    add: (instance) => void instances.set(instance.id, instance),
    remove: (id) => void instances.delete(id),
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(
        [...doors.values()].map((door) => {
          const closed = new Promise<void>((resolve) => door.close(() => resolve()))
          door.closeAllConnections()
          return closed
        }),
      )
      await links.close()
    },
    [Symbol.asyncDispose]: () => edge.close(),
  }
  return edge
}

const NO_BODY = { bytes: Buffer.alloc(0), chunked: false, sendTo: (target: { end(): unknown }) => void target.end() }

/** What the edge adds to a response, so that one can see where it was made. */
function answerHeaders({ instance, replays }: Delivered): HeaderList {
  return [
    ['Edge-Instance', `${instance.id} ${instance.region}`],
    ['Edge-Replays', String(replays)],
  ]
}

function cookieOf({ remember }: RequestRegion): HeaderList {
  return remember === undefined ? [] : [['Set-Cookie', remember]]
}

function hasLeft(client: { on(event: 'close', listener: () => void): unknown }): AbortSignal {
  const controller = new AbortController()
  client.on('close', () => controller.abort())
  return controller.signal
}
