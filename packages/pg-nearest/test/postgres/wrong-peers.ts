import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { createReader, errorResponse, notice, wantsPassword } from '../protocol/messages.ts'
import { TEST_CERTIFICATE } from './test-certificate.ts'

/** Something that listens where PostgreSQL was expected. */
export interface WrongPeer extends AsyncDisposable {
  readonly port: number
  /** Bytes that it has sent, or tried to. */
  readonly sent: number
}

const peers = {
  http: () => createHttpServer((_request, response) => response.end('hello')),
  https: () => createTlsServer(TEST_CERTIFICATE),
  /** PostgreSQL's own way to TLS, with a certificate that nobody trusts. */
  untrusted: () => createServer((socket) => socket.once('data', () => socket.write('S', () => secure(socket)))),
  /** As Go's servers answer what does not begin with a TLS handshake. */
  alert: () => answering('\x15\x03\x01\0\x02\x02\x0a'),
  ssh: () => greeting('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'),
  mysql: () => greeting('J\0\0\0\n8.0.36\0'),
  redis: () => answering("-ERR unknown command '', with args beginning with: \r\n"),
  /** A server whose pg_hba.conf says `gss` for this host. */
  gssapi: () => answering('R\0\0\0\x08\0\0\0\x07'),
  /** Lengths that no message can have. */
  short: () => answering('R\0\0\0\0R\0\0\0\0'),
  /** An error whose last field does not end: pg's parser would read on for ever. */
  endlessError: () => answering('E\0\0\0\x0aSFATAL'),
  /** The same at its end: no zero byte behind the last field. */
  unclosedNotice: () => answering('N\0\0\0\x0aSINFO\0'),
  /** A pooler that repeats the password which it refuses. */
  repeatsPassword: () => repeatingPassword(),
  /** A server that cannot fork: an error of the second protocol, as it has not heard yet which one is spoken. */
  forkless: () => forkless([FORK_FAILURE]),
  /** The same, as a slow network would bring it. */
  forklessInPieces: () => forkless([FORK_FAILURE.slice(0, 3), FORK_FAILURE.slice(3, 30), FORK_FAILURE.slice(30)]),
  /** Memcached's, which begins in the same way. */
  errorLine: () => answering('ERROR\r\n'),
  hangUp: () => createServer((socket) => socket.end()),
  silent: () => createServer(() => undefined),
}

const FORK_FAILURE = 'Ecould not fork new process for connection: \x1b[31mCannot allocate memory\n\0'

export type PeerKind = keyof typeof peers | 'endless' | 'endlessTail'

/** Sends as fast as it is read: at once nonsense, or behind the beginning of a login. */
const ENDLESS: Readonly<Record<string, Buffer>> = {
  endless: Buffer.alloc(65_536, 'x'),
  // Notices, each complete, so that nothing but their number is wrong.
  endlessTail: Buffer.concat(Array.from({ length: 6_000 }, () => Buffer.from('N\0\0\0\x0bMbusy\0\0', 'latin1'))),
}

export async function startPeer(kind: PeerKind): Promise<WrongPeer> {
  let sent = 0
  const chunk = ENDLESS[kind]
  const server =
    chunk === undefined ? peers[kind as keyof typeof peers]() : createServer((socket) => pour(socket, chunk))
  const pour = (socket: Socket, what: Buffer): void => {
    const more = (): void => {
      while (!socket.destroyed && socket.writableLength < 1_000_000) {
        sent += what.length
        socket.write(what)
      }
    }
    socket.on('drain', more)
    more()
  }
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get sent() {
      return sent
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function secure(socket: Socket): void {
  new TLSSocket(socket, { isServer: true, ...TEST_CERTIFICATE }).on('error', () => undefined)
}

function greeting(text: string): Server {
  return createServer((socket) => socket.write(text, 'latin1'))
}

function answering(text: string): Server {
  return createServer((socket) => socket.once('data', () => socket.write(text, 'latin1')))
}

function forkless(pieces: readonly string[]): Server {
  return createServer((socket) => {
    socket.once('data', () => void sendSlowly(socket, pieces))
  })
}

async function sendSlowly(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece)
    await setTimeout(20)
  }
  socket.end()
}

function repeatingPassword(): Server {
  return createServer((socket) => {
    const read = createReader('client')
    socket.on('data', (data) => {
      for (const { type, body } of read(data)) {
        if (type === undefined) socket.write(wantsPassword())
        if (type !== 'p') continue
        const given = body.toString('utf8', 0, body.length - 1)
        const url = `postgres://app:${encodeURIComponent(given)}@db/app`
        socket.write(notice(`a login with ${given}`))
        socket.end(
          errorResponse('FATAL', '28P01', `password "${given}" is wrong, as in ${url}`, `not ${given}, but another`),
        )
      }
    })
  })
}
