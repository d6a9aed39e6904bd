import { Replayer, type ReplayPool } from '../replay/replayer.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import { replayOrRun } from './node-replay.ts'
import type { HttpSessionOptions } from './options.ts'
import { HttpSessions, type SessionPool } from './http-session.ts'
import { runInNodeSession, type NodeRequest, type NodeResponse } from './node-session.ts'

export type { HttpSessionOptions } from './options.ts'
export type { SessionPool } from './http-session.ts'
export type { ReplayPool } from '../replay/replayer.ts'
export type { ReplayOptions } from '../replay/replay-options.ts'

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
export function session(
  pool: SessionPool,
  options?: HttpSessionOptions,
): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void {
  const sessions = new HttpSessions(pool, options)
  return (request, response, next) => runInNodeSession(sessions, request, response, isHttps(request), () => next())
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
export function replay(
  pool: ReplayPool,
  options?: ReplayOptions,
): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void {
  const replayer = new Replayer(pool, options)
  return (request, response, next) => replayOrRun(replayer, request, response, pathOf(request), () => next())
}

/** Express cuts the path that a router is mounted at off `url`. */
function pathOf({ url, originalUrl }: { readonly url?: string | undefined; readonly originalUrl?: unknown }): string {
  return typeof originalUrl === 'string' ? originalUrl : (url ?? '/')
}

/** `secure` is Express's own: it also holds for a request that came by https to a proxy which the app trusts. */
function isHttps(request: { readonly socket: object; readonly secure?: unknown }): boolean {
  return request.secure === true || ('encrypted' in request.socket && request.socket.encrypted === true)
}
