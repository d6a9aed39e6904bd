import type { IncomingMessage } from 'node:http'

const MOST_BYTES = 4_096
/** For a body that never ends. */
const PATIENCE_MS = 5_000

/** The JSON value of a request; `undefined` if it is none, too large, or does not come. Then its connection ends with the answer. */
export function readBody(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let ended = false
    const end = (value: unknown): void => {
      // A request that has been read is closed, too.
      if (ended) return
      ended = true
      clearTimeout(timer)
      request.off('data', take)
      if (value === undefined) request.resume().setTimeout(1_000, () => request.destroy())
      resolve(value)
    }
    const take = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) end(undefined)
      else chunks.push(chunk)
    }
    const timer = setTimeout(() => end(undefined), PATIENCE_MS)
    request.on('data', take)
    request.on('error', () => end(undefined))
    request.on('close', () => end(undefined))
    request.on('end', () => end(parse(Buffer.concat(chunks).toString())))
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
