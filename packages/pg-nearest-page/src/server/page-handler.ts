import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { loadAssets, type Asset, type PageName } from './assets.ts'
import { createEventStream } from './event-stream.ts'
import { readBody } from './read-body.ts'
import { refusalOf, type Policy } from './request-refusal.ts'

export interface PageOptions {
  readonly page: PageName
  /** The whole state, as the first event that a client gets. */
  readonly snapshot: () => unknown
  /**
   * Does what the page asks for, a JSON value that it must check. Rejects with a {@link ActionRefused}, if the page shall say why it was
   * not done. Default: the page is read-only.
   */
  readonly act?: ((action: unknown) => Promise<void>) | undefined
  /** Whether anybody looks. */
  readonly onWatched?: ((watched: boolean) => void) | undefined
  /** How many may look at the same time. Default 16. */
  readonly maxClients?: number | undefined
}

/** Why something that the page asked for was not done: a sentence for the person who looks at it. */
export class ActionRefused extends Error {
  override readonly name = 'ActionRefused'
}

/** A page, wherever it is served from. */
export interface PageHandler {
  /** Answers a request; `path` is what comes after the page's own address, such as `events`. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): void
  /** To everybody who looks, at most ten messages a second. */
  publish(event: unknown): void
  readonly clients: number
  close(): void
}

/** Two at a time: what is asked for meanwhile is refused rather than queued. */
const MOST_ACTIONS = 2

export async function createPageHandler(
  options: PageOptions,
  hosts: () => readonly string[] | undefined = () => undefined,
): Promise<PageHandler> {
  const assets = await loadAssets(options.page)
  const stream = createEventStream({ ...options, maxClients: options.maxClients ?? 16 })
  const { act } = options
  const token = act === undefined ? undefined : randomBytes(24).toString('base64url')
  let acting = 0

  const perform = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request)
    if (body === undefined) {
      response.setHeader('connection', 'close')
      return answer(response, 413, 'That is too much, or not JSON.')
    }
    if (act === undefined || acting >= MOST_ACTIONS) return answer(response, 429, 'Something is being done already.')
    acting++
    try {
      await act(body)
      answer(response, 204)
    } catch (error) {
      if (error instanceof ActionRefused) answer(response, 409, error.message)
      else answer(response, 500, 'It did not work, for a reason that the program did not expect.')
    } finally {
      acting--
    }
  }

  return {
    handle(request, response, path) {
      const { method = '' } = request
      const policy: Policy = { hosts: hosts(), token }
      const refusal = refusalOf(askedBy(request), policy)
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
      if (refusal !== undefined) return refuse(request, response, refusal.status, refusal.why)
      if (method === 'POST') {
        if (path === 'act') void perform(request, response)
        else refuse(request, response, 404, 'There is nothing here.')
        return
      }
      if (path === 'events' && method === 'GET') {
        if (!stream.add(response)) {
          response.setHeader('retry-after', '10')
          answer(response, 503, 'As many people as may are looking at this page already.')
        }
        return
      }
      const asset = assets.get(path)
      if (asset === undefined) answer(response, 404, 'There is nothing here.')
      else sendAsset(request, response, path === '' ? withToken(asset, token) : asset)
    },
    publish: stream.publish,
    get clients() {
      return stream.clients
    },
    close: stream.close,
  }
}

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function askedBy({ method = '', headers }: IncomingMessage): Parameters<typeof refusalOf>[0] {
  const one = (name: string): string | undefined => {
    const value = headers[name]
    return Array.isArray(value) ? value[0] : value
  }
  return {
    method,
    host: headers.host,
    origin: headers.origin,
    site: one('sec-fetch-site'),
    mode: one('sec-fetch-mode'),
    contentType: headers['content-type'],
    token: one('x-page-token'),
  }
}

/** The body of a request that is refused is not read: its connection ends with the answer. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, why: string): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') response.setHeader('connection', 'close')
  answer(response, status, why)
}

function answer(response: ServerResponse, status: number, text = ''): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

/** The one text of a page that differs from start to start. */
function withToken(asset: Asset, token: string | undefined): Pick<Asset, 'type' | 'body'> {
  return { type: asset.type, body: Buffer.from(asset.body.toString().replace('{{token}}', token ?? '')) }
}

function sendAsset(
  request: IncomingMessage,
  response: ServerResponse,
  { type, body, gzipped }: Pick<Asset, 'type' | 'body'> & Partial<Asset>,
): void {
  const packed = gzipped !== undefined && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  const sent = packed ? gzipped : body
  response.writeHead(200, {
    'content-type': type,
    'content-length': sent.length,
    ...(packed ? { 'content-encoding': 'gzip' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : sent)
}
