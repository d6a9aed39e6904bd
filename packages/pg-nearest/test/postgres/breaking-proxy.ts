import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { errorResponse } from '../protocol/messages.ts'
import { TEST_CERTIFICATE } from './test-certificate.ts'

/** What becomes of an answer. */
export type Break = (broken: BrokenConnection) => void

interface BrokenConnection {
  /** What is written here the client reads. */
  readonly client: Socket
  /** The same, beneath TLS if there is any. */
  readonly raw: Socket
  readonly answer: Buffer
  /** Nothing more comes from the server. */
  readonly silence: () => void
}

/** Stands in front of a server, and breaks the answer to a chosen statement once the server has executed it. */
export interface BreakingProxy {
  readonly url: string
  /** The next answer to something that holds this text is broken so. Resolves when that was done. */
  breakNext(marker: string, how: Break): Promise<void>
  /** The next thing that holds this text never reaches the server, and is answered so. */
  answerNext(marker: string, answer: Buffer): void
  stop(): Promise<void>
}

interface Plan {
  readonly marker: string
  readonly how: Break
  readonly done: () => void
}

/** With `tls` it speaks TLS to clients; the server behind it need not. */
export async function startBreakingProxy(
  url: string,
  options: { readonly tls?: boolean } = {},
): Promise<BreakingProxy> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  /** Inside of TLS there is one hop more: the raw socket to the client, by the port of the hop. */
  const rawClients = new Map<number, Socket>()
  const planned: Plan[] = []
  const answers: { readonly marker: string; readonly answer: Buffer }[] = []

  const keep = (a: Socket, b: Socket): void => {
    for (const [socket, other] of [
      [a, b],
      [b, a],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  }

  const serve = (client: Socket): void => {
    const database = connect(Number(port), hostname)
    keep(client, database)
    let due: Plan | undefined
    let silent = false
    let held = Buffer.alloc(0)
    client.on('data', (data: Buffer) => {
      const answered = answers.findIndex(({ marker }) => data.includes(marker))
      if (answered >= 0) return void client.write(answers.splice(answered, 1)[0]?.answer ?? '')
      const at = due === undefined ? planned.findIndex(({ marker }) => data.includes(marker)) : -1
      if (at >= 0) due = planned.splice(at, 1)[0]
      database.write(data)
    })
    database.on('data', (data: Buffer) => {
      if (silent) return
      if (due === undefined) return void client.write(data)
      held = Buffer.concat([held, data])
      // Only ReadyForQuery says that it is committed.
      if (!held.includes(READY)) return
      const { how, done } = due
      const answer = held
      due = undefined
      held = Buffer.alloc(0)
      const raw = rawClients.get(client.remotePort ?? 0) ?? client
      how({ client, raw, answer, silence: () => (silent = true) })
      done()
    })
  }

  const servers: Server[] = []
  const listen = async (server: Server): Promise<number> => {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  let entrance: number
  if (options.tls === true) {
    const inner = await listen(createTlsServer(TEST_CERTIFICATE, serve))
    const outer = createServer((client) => {
      client.once('data', () => {
        // It was an SSLRequest.
        client.pause()
        const hop = connect(inner, '127.0.0.1', () => {
          if (hop.localPort !== undefined) rawClients.set(hop.localPort, client)
          client.write('S')
          client.pipe(hop).pipe(client)
        })
        keep(client, hop)
      })
    })
    entrance = await listen(outer)
  } else {
    entrance = await listen(createServer(serve))
  }

  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${entrance}` }).href,
    breakNext: (marker, how) => new Promise((done) => void planned.push({ marker, how, done })),
    answerNext: (marker, answer) => void answers.push({ marker, answer }),
    async stop() {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => once(server, 'close')))
    },
  }
}

const READY = Buffer.from([0x5a, 0, 0, 0, 5])

/** The connection ends, and nothing is said. */
export const cut: Break = ({ client }) => client.destroy()

/** The connection ends in the middle of the answer. */
export const cutInHalf: Break = ({ client, answer }) => client.end(answer.subarray(0, 3))

/** The answer never comes, nor does anything else. */
export const swallowed: Break = ({ silence }) => silence()

/** The server, or what stands before it, gives the connection up with an error. */
export function fatal(code: string, message = 'the connection is given up'): Break {
  return ({ client }) => client.end(errorResponse('FATAL', code, message))
}

/** As a pooler may tell of its own trouble, though the connection goes on. */
export const FATAL_AND_READY: Buffer = Buffer.concat([
  errorResponse('FATAL', '58000', 'could not get a connection from the pool'),
  READY,
  Buffer.from('I'),
])

/** The statement is answered, and with the same packet the server gives the connection up. */
export const answeredThenFatal: Break = ({ client, answer }) => client.end(Buffer.concat([firstOf(answer), GIVEN_UP]))

/** As above, but what was asked behind the statement is answered too. */
export const allAnsweredThenFatal: Break = ({ client, answer }) => client.end(Buffer.concat([answer, GIVEN_UP]))

const GIVEN_UP = errorResponse('FATAL', '57P01', 'the connection is given up')

/** The statement is answered, and what was asked behind it is not, because the connection ends. */
export const answeredThenCut: Break = ({ client, answer }) => client.end(firstOf(answer))

/** The statement is answered, and the connection ends when the next one is asked. */
export const answeredThenCutAtNext: Break = ({ client, answer, silence }) => {
  silence()
  client.once('data', () => client.destroy())
  client.write(firstOf(answer))
}

/** Without what may have been answered behind it. */
function firstOf(answer: Buffer): Buffer {
  const withStatus = READY.length + 1
  return answer.subarray(0, answer.indexOf(READY) + withStatus)
}

/** Something else than an answer comes. */
export function instead(bytes: Uint8Array | string, then: 'close' | 'stay' = 'close'): Break {
  return ({ client }) => (then === 'close' ? client.end(bytes) : client.write(bytes))
}

/** Application data, as its head says, that nobody has encrypted. */
export const brokenRecord: Break = ({ raw }) =>
  raw.write(Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0, 64]), Buffer.alloc(64, 0xa5)]))
