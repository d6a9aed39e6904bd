import { HttpSessions, type SessionPool } from './http-session.ts'
import { runInNodeSession, type NodeRequest, type NodeResponse } from './node-session.ts'
import type { HttpSessionOptions } from './options.ts'

export type { HttpSessionOptions } from './options.ts'
export type { SessionPool } from './http-session.ts'

/** Options of {@link fastifySession}. */
export interface FastifySessionOptions extends HttpSessionOptions {
  readonly pool: SessionPool
}

interface FastifyRequest {
  readonly raw: NodeRequest
  readonly protocol: string
}

interface FastifyReply {
  readonly raw: NodeResponse
}

/** What the plugin needs from a Fastify instance. */
export interface FastifyInstance {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown
}

/**
 * A plugin for Fastify: everything that a request runs on the pool belongs to one session, which continues where the
 * client's last request ended. It applies to the instance that it is registered on, and to all plugins within that.
 *
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createPool } from 'pg-nearest'
 * import { fastifySession } from 'pg-nearest/fastify'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * fastify().register(fastifySession, { pool })
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function fastifySession(
  instance: FastifyInstance,
  options: FastifySessionOptions,
  done: (error?: Error) => void,
): void {
  const { pool, ...rest } = options
  const given = Object.entries(rest).filter(([name]) => !OPTIONS_OF_REGISTER.has(name))
  let sessions: HttpSessions
  try {
    sessions = new HttpSessions(pool, Object.fromEntries(given))
  } catch (error) {
    // Fastify does not catch what a plugin throws.
    return done(error as Error)
  }
  instance.addHook('onRequest', (request, reply, next) =>
    runInNodeSession(sessions, request.raw, reply.raw, request.protocol === 'https', next),
  )
  done()
}

/** Fastify passes its own options of `register` on to the plugin. */
const OPTIONS_OF_REGISTER = new Set(['prefix', 'logLevel', 'logSerializers'])

// As fastify-plugin does it: the hook is added to the instance that registers the plugin, and not to one of the plugin's own.
Object.assign(fastifySession, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'pg-nearest',
})
