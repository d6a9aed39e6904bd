import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A pooler that reads one question, and forgets what came in with it until that is answered. */
export interface Pooler {
  /** The database behind it. */
  readonly url: string
  /** How many questions it has swallowed. */
  readonly swallowed: number
  stop(): Promise<void>
}

export async function startSwallowingPooler(url: string): Promise<Pooler> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let swallowed = 0
  const server = createServer((client) => {
    const database = connect(Number(port), hostname)
    let busy = false
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => other.destroy())
    }
    const fromClient = messages(true)
    client.on('data', (data) => {
      for (const message of fromClient(data)) {
        if (busy) {
          swallowed += Number(endsQuestion(message))
          continue
        }
        busy = endsQuestion(message)
        database.write(message)
      }
    })
    const fromDatabase = messages(false)
    database.on('data', (data) => {
      for (const message of fromDatabase(data)) if (isReady(message)) busy = false
      client.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = new URL(url)
  address.port = String((server.address() as { port: number }).port)
  return {
    url: address.href,
    get swallowed() {
      return swallowed
    },
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Cuts a stream into the protocol's messages; a client's first one has no type. */
function messages(untypedFirst: boolean): (data: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0)
  let typed = !untypedFirst
  return (data) => {
    rest = Buffer.concat([rest, data])
    const whole: Buffer[] = []
    for (;;) {
      const head = typed ? 1 : 0
      if (rest.length < head + 4) return whole
      const length = head + rest.readUInt32BE(head)
      if (rest.length < length) return whole
      whole.push(rest.subarray(0, length))
      rest = rest.subarray(length)
      typed = true
    }
  }
}

function endsQuestion(message: Buffer): boolean {
  return message[0] === 'Q'.charCodeAt(0) || message[0] === 'S'.charCodeAt(0)
}

function isReady(message: Buffer): boolean {
  return message[0] === 'Z'.charCodeAt(0)
}
