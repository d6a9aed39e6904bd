/**
 * Sessions and replays for Fastify.
 *
 * @module pg-nearest/fastify
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
export type { ObservedPool } from './server-timing-middleware.ts'

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

/** What Fastify's `register` takes. */
export type FastifyPlugin<Options> = (
  instance: FastifyInstance,
  options: Options,
  done: (error?: Error) => void,
) => void

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
export const fastifySession: FastifyPlugin<FastifySessionOptions> = plugin('pg-nearest', sessionMiddleware)

/** Options of {@link fastifyReplay}. */
export interface FastifyReplayOptions extends ReplayOptions {
  readonly pool: ReplayPool
}

/**
 * A plugin for Fastify that has a request run beside the primary where that is cheaper: see `withReplay` of `pg-nearest/http`. Register it
 * before `fastifySession`.
 *
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createPool } from 'pg-nearest'
 * import { fly } from 'pg-nearest/fly'
 * import { fastifyReplay, fastifySession } from 'pg-nearest/fastify'
 *
 * const pool = createPool(fly({ regions: ['ord', 'syd'] }))
 * fastify().register(fastifyReplay, { pool }).register(fastifySession, { pool })
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export const fastifyReplay: FastifyPlugin<FastifyReplayOptions> = plugin('pg-nearest-replay', replayMiddleware)

/** Options of {@link fastifyServerTiming}. */
export interface FastifyServerTimingOptions {
  readonly pool: ObservedPool
}

/**
 * A plugin for Fastify: each response says in its header `Server-Timing`, which browsers show, which servers have answered the
 * statements of its request until it begins, how many and why, and how long they took: `db-ord;desc="2 own-region";dur=1.4`. Everybody who
 * gets the response can read it, so use it where that does no harm.
 *
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createPool } from 'pg-nearest'
 * import { fastifyServerTiming, fastifySession } from 'pg-nearest/fastify'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * fastify().register(fastifyServerTiming, { pool }).register(fastifySession, { pool })
 * ```
 *
 * Cost: the pool's event `query` is listened to, once.
 *
 * @throws OptionError for what is no pool.
 */
export const fastifyServerTiming: FastifyPlugin<FastifyServerTimingOptions> = plugin(
  'pg-nearest-server-timing',
  serverTimingMiddleware,
)

function plugin<P, O extends object>(
  name: string,
  create: (pool: P, options: O) => Middleware,
): FastifyPlugin<O & { readonly pool: P }> {
  const register: FastifyPlugin<O & { readonly pool: P }> = (instance, { pool, ...rest }, done) => {
    let middleware: Middleware
    try {
      middleware = create(pool, ownOptions(rest) as O)
    } catch (error) {
      // Fastify does not catch what a plugin throws.
      return done(error as Error)
    }
    instance.addHook('onRequest', ({ raw, protocol }, reply, next) =>
      runNodeMiddleware(middleware, raw, reply.raw, { url: raw.url, https: protocol === 'https' }, next),
    )
    done()
  }
  // As fastify-plugin does it: the hook is added to the instance that registers the plugin, and not to one of the plugin's own.
  return Object.assign(register, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: name })
}

/** Fastify passes its own options of `register` on to the plugin. */
function ownOptions(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OPTIONS_OF_REGISTER.has(name)))
}

const OPTIONS_OF_REGISTER = new Set(['prefix', 'logLevel', 'logSerializers'])
