import type { HttpSessionOptions } from './options.ts'
import { HttpSessions, type SessionPool } from './http-session.ts'
import { runInNodeSession, type NodeRequest, type NodeResponse } from './node-session.ts'

export type { HttpSessionOptions } from './options.ts'
export type { SessionPool } from './http-session.ts'

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

/** `secure` is Express's own: it also holds for a request that came by https to a proxy which the app trusts. */
function isHttps(request: { readonly socket: object; readonly secure?: unknown }): boolean {
  return request.secure === true || ('encrypted' in request.socket && request.socket.encrypted === true)
}
