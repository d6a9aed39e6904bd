import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { FakeSession } from './fake-session.ts'

/**
 * A server that misbehaves when it is told to. It is a fake on purpose: it cuts, falls silent, answers half of a message or
 * something that nobody asked, at the very moment that a program of the model wants, which no real server does. Its sockets are
 * real, and it speaks enough of the protocol for the connections not to know the difference.
 */
export class FakeServer {
  readonly sessions = new Set<FakeSession>()
  /** Texts that it began to run, by connection or by whatever else. */
  readonly ran = new Set<string>()
  /** How often it has refused a connection for want of a slot. */
  refused = 0
  /** Waits so long before each answer. */
  delayMs = 0
  /** Answers the next connections so. */
  greeting: 'well' | 'no-slot' | 'silence' = 'well'
  readonly #port: number
  #listening: Server | undefined
  #silent: Promise<void> | undefined
  #wake: (() => void) | undefined

  private constructor(listening: Server) {
    this.#port = (listening.address() as AddressInfo).port
    this.#serve(listening)
  }

  static async start(): Promise<FakeServer> {
    return new FakeServer(await listenAnywhere())
  }

  get url(): string {
    return `postgres://fake:fake@127.0.0.1:${this.#port}/fake?sslmode=disable`
  }

  /** Resolves while it is well; otherwise when it is again. */
  get awake(): Promise<void> | undefined {
    return this.#silent
  }

  /** Hears everything, and answers nothing. */
  fallSilent(): void {
    this.#silent ??= new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Connections are refused as if nobody listened. Those that are open live on. */
  stopListening(): void {
    this.#listening?.close()
    this.#listening = undefined
  }

  async heal(): Promise<void> {
    this.delayMs = 0
    this.greeting = 'well'
    this.#silent = undefined
    this.#wake?.()
    if (this.#listening === undefined) this.#serve(await listen(this.#port))
  }

  cancel(pid: number, key: number): void {
    for (const session of this.sessions) if (session.pid === pid && session.key === key) session.cancel()
  }

  byPid(pid: number): FakeSession | undefined {
    for (const session of this.sessions) if (session.pid === pid) return session
    return undefined
  }

  async stop(): Promise<void> {
    await this.heal()
    for (const session of this.sessions) session.cut()
    const listening = this.#listening
    this.#listening = undefined
    if (listening === undefined) return
    listening.close()
    await once(listening, 'close')
    ours.delete(this.#port)
  }

  #serve(listening: Server): void {
    this.#listening = listening
    listening.on('connection', (socket: Socket) => void new FakeSession(this, socket))
  }
}

/** Below those that the system gives to whoever connects: one that is not listened on for a while is not taken meanwhile. */
const LOWEST_PORT = 20_000
const PORTS = 12_000
const ours = new Set<number>()

async function listenAnywhere(): Promise<Server> {
  for (;;) {
    const port = LOWEST_PORT + randomInt(PORTS)
    if (ours.has(port)) continue
    ours.add(port)
    try {
      return await listen(port)
    } catch (error) {
      ours.delete(port)
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer({ noDelay: true })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
