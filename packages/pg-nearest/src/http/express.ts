/**
 * Sessions and replays for Express, Connect and `node:http`.
 *
 * @module pg-nearest/express
 */
import type { SessionPool } from '../http-session/http-session.ts'
import type { HttpSessionOptions } from '../http-session/options.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import type { ReplayPool } from '../replay/replayer.ts'
import type { Middleware } from '../http-middleware/middleware-types.ts'
import { replayMiddleware } from './replay-middleware.ts'
import type { NodeResponse } from '../http-middleware/node-response-helpers.ts'
import { runNodeMiddleware, type NodeRequest } from '../http-middleware/run-node-middleware.ts'
import { serverTimingMiddleware, type ObservedPool } from './server-timing-middleware.ts'
import { sessionMiddleware } from './session-middleware.ts'

export type { HttpSessionOptions } from '../http-session/options.ts'
export type { SessionPool } from '../http-session/http-session.ts'
export type { ReplayPool } from '../replay/replayer.ts'
export type { ReplayOptions } from '../replay/replay-options.ts'
export type { ObservedPool } from './server-timing-middleware.ts'

/** What Express, Connect and plain `node:http` take. */
export type ExpressMiddleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void

/**
 * Middleware for Express, Connect and plain `node:http`: everything that a request runs on the pool belongs to one
 * session, which continues where the client's last request ended.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { createPool } from 'pg-nearest'
 * import { session } from 'pg-nearest/express'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * express().use(session(pool))
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function session(pool: SessionPool, options?: HttpSessionOptions): ExpressMiddleware {
  return expressMiddleware(sessionMiddleware(pool, options))
}

/**
 * Middleware for Express, Connect and plain `node:http` that has a request run beside the primary where that is cheaper: see `withReplay`
 * of `pg-nearest/http`. It belongs before `session` and before whatever reads the body.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { createPool } from 'pg-nearest'
 * import { fly } from 'pg-nearest/fly'
 * import { replay, session } from 'pg-nearest/express'
 *
 * const pool = createPool(fly({ regions: ['ord', 'syd'] }))
 * express().use(replay(pool), session(pool))
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function replay(pool: ReplayPool, options?: ReplayOptions): ExpressMiddleware {
  return expressMiddleware(replayMiddleware(pool, options))
}

/**
 * Middleware for Express, Connect and plain `node:http`: each response says in its header `Server-Timing`, which browsers show, which servers have answered the
 * statements of its request until it begins, how many and why, and how long they took: `db-ord;desc="2 own-region";dur=1.4`. Everybody who
 * gets the response can read it, so use it where that does no harm.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { createPool } from 'pg-nearest'
 * import { serverTiming, session } from 'pg-nearest/express'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * express().use(serverTiming(pool), session(pool))
 * ```
 *
 * Cost: the pool's event `query` is listened to, once.
 *
 * @throws OptionError for what is no pool.
 */
export function serverTiming(pool: ObservedPool): ExpressMiddleware {
  return expressMiddleware(serverTimingMiddleware(pool))
}

function expressMiddleware(middleware: Middleware): ExpressMiddleware {
  return (request, response, next) => {
    const head = { url: pathOf(request), https: isHttps(request) }
    runNodeMiddleware(middleware, request, response, head, () => next())
  }
}

/** Express cuts the path that a router is mounted at off `url`. */
function pathOf(request: { readonly url?: string | undefined; readonly originalUrl?: unknown }): string | undefined {
  return typeof request.originalUrl === 'string' ? request.originalUrl : request.url
}

/** `secure` is Express's own: it also holds for a request that came by https to a proxy which the app trusts. */
function isHttps(request: { readonly socket: object; readonly secure?: unknown }): boolean {
  return request.secure === true || ('encrypted' in request.socket && request.socket.encrypted === true)
}
