import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'

/** What Fly's proxy keeps of a request, to send it again. */
const REPLAYABLE_BYTES = 1_000_000

/** A request's body, which can be sent again if it is small. */
export interface RequestBody {
  /** `undefined`: larger than 1 MB. It can be sent once. */
  readonly bytes: Buffer | undefined
  /** The client did not say how long it is. */
  readonly chunked: boolean
  sendTo(target: Writable): void
}

/** Reads a body up to the limit. Rejects if the client leaves before. */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const chunk = request.read() as Buffer | null
    if (chunk !== null) {
      chunks.push(chunk)
      length += chunk.length
      if (length > REPLAYABLE_BYTES) return tooLarge(request, chunks)
    } else if (request.readableEnded || request.complete) {
      const bytes = Buffer.concat(chunks)
      return { bytes, chunked: isChunked(request), sendTo: (target) => void target.end(bytes) }
    } else {
      await readable(request)
    }
  }
}

function tooLarge(request: IncomingMessage, chunks: readonly Buffer[]): RequestBody {
  return {
    bytes: undefined,
    chunked: isChunked(request),
    sendTo(target) {
      for (const chunk of chunks) target.write(chunk)
      request.pipe(target)
    },
  }
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined
}

function readable(request: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      request.off('readable', settle).off('end', settle).off('close', closed)
      resolve()
    }
    const closed = (): void => {
      if (request.complete) settle()
      else reject(new Error('the client has left'))
    }
    request.on('readable', settle).on('end', settle).on('close', closed)
  })
}
