import { HttpSessions, type SessionPool } from './http-session.ts'
import { runInNodeSession, type NodeRequest, type NodeResponse } from './node-session.ts'
import { Replayer, type ReplayPool } from '../replay/replayer.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import { replayOrRun } from './node-replay.ts'
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
  let sessions: HttpSessions
  try {
    sessions = new HttpSessions(pool, ownOptions(rest))
  } catch (error) {
    // Fastify does not catch what a plugin throws.
    return done(error as Error)
  }
  instance.addHook('onRequest', (request, reply, next) =>
    runInNodeSession(sessions, request.raw, reply.raw, request.protocol === 'https', next),
  )
  done()
}

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
export function fastifyReplay(
  instance: FastifyInstance,
  options: FastifyReplayOptions,
  done: (error?: Error) => void,
): void {
  const { pool, ...rest } = options
  let replayer: Replayer
  try {
    replayer = new Replayer(pool, ownOptions(rest))
  } catch (error) {
    return done(error as Error)
  }
  instance.addHook('onRequest', (request, reply, next) =>
    replayOrRun(replayer, request.raw, reply.raw, request.raw.url ?? '/', next),
  )
  done()
}

function ownOptions(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OPTIONS_OF_REGISTER.has(name)))
}

/** Fastify passes its own options of `register` on to the plugin. */
const OPTIONS_OF_REGISTER = new Set(['prefix', 'logLevel', 'logSerializers'])

// As fastify-plugin does it: the hook is added to the instance that registers the plugin, and not to one of the plugin's own.
for (const [plugin, name] of [
  [fastifySession, 'pg-nearest'],
  [fastifyReplay, 'pg-nearest-replay'],
] as const) {
  Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: name })
}
