import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { RedisClient } from '../../src/redis/index.ts'
import { until } from './fixtures.ts'
import { freePort, Program, programAt } from './programs.ts'

/** Debian: `apt-get install redis-server`. */
export const redisServer: string | undefined = programAt('redis-server')

/** A Redis that keeps nothing over its end. */
export class RedisServer {
  readonly port: number
  #program: Program | undefined

  constructor(port: number) {
    this.port = port
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort())
    await server.start()
    return server
  }

  async start(): Promise<void> {
    if (redisServer === undefined) throw new Error('Redis is not installed')
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const program = new Program(redisServer, args, undefined)
    this.#program = program
    await until(() => program.said.includes('Ready to accept connections') || !program.running, 'Redis')
    if (!program.running) throw new Error(`Redis ended: ${program.said}`)
  }

  async kill(): Promise<void> {
    await this.#program?.kill()
  }

  pause(): void {
    this.#program?.signal('SIGSTOP')
  }

  resume(): void {
    this.#program?.signal('SIGCONT')
  }
}

/** A client that connects again by itself. */
export interface Connected {
  readonly client: RedisClient
  close(): void
}

const RECONNECT_MS = 50

export function ioredis(port: number): Connected {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => RECONNECT_MS, maxRetriesPerRequest: 1 })
  client.on('error', () => undefined)
  return { client, close: () => client.disconnect() }
}

export async function nodeRedis(port: number): Promise<Connected> {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: () => RECONNECT_MS } })
  client.on('error', () => undefined)
  await client.connect()
  return { client, close: () => client.destroy() }
}
