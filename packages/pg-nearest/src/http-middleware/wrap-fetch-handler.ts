import type { ResponseHeaders } from '../http-session/http-session.ts'
import type { Answer, IncomingHead, Middleware, PendingResponse } from './middleware-types.ts'

/** Puts a middleware around a handler of the fetch kind. */
export function wrapFetchHandler<R extends Request, Rest extends readonly unknown[]>(
  middleware: Middleware,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
): (request: R, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const pending = new PendingFetchResponse(request)
    const around = middleware(headOf(request), pending)
    if (around.kind === 'replay') return new Response(null, around)
    const finish = (response: Response): Response => {
      around.end(response.status)
      const write = around.headerWriter(response.status)
      const written = write === undefined ? response : changeHeaders(response, write)
      return withStatus(written, around.statusFor?.(response.status) ?? response.status)
    }
    try {
      const response = await around.run(async () => handler(request, ...rest))
      return pending.begin(response) ?? finish(response)
    } catch (error) {
      const instead = pending.begin()
      if (instead !== undefined) return instead
      if (error instanceof Response) throw finish(error)
      const answer = around.answerFor?.(error)
      if (answer === undefined) throw error
      return finish(new Response(answer.body, answer))
    }
  }
}

/** A request that may tell when its client leaves; adapters have some that do not. */
interface Leaving {
  readonly signal?: AbortSignal | undefined
}

/** Has begun when the handler has ended. */
export class PendingFetchResponse implements PendingResponse {
  readonly #request: Leaving
  #begun = false
  #instead: Answer | undefined

  constructor(request: Leaving) {
    this.#request = request
  }

  begun(): boolean {
    return this.#begun
  }

  abandoned(): boolean {
    return this.#request.signal?.aborted === true
  }

  replace(answer: Answer): void {
    this.#instead = answer
  }

  get replaced(): boolean {
    return this.#instead !== undefined
  }

  /** Returns what the client gets instead of this, if it gets something else. */
  begin(response?: Response): Response | undefined {
    this.#begun = true
    if (this.#instead === undefined) return undefined
    response?.body?.cancel().catch(() => undefined)
    return new Response(null, this.#instead)
  }
}

/** A request of the fetch API. */
export function headOf(request: Request): IncomingHead {
  const { method, url, headers } = request
  const https = url.startsWith('https:')
  return { identity: request, method, url, https, header: (name) => headers.get(name) }
}

/** The response with this status. */
export function withStatus(response: Response, status: number): Response {
  return status === response.status ? response : new Response(response.body, { status, headers: response.headers })
}

/**
 * The response with its headers changed. A copy, if they are of the kind that cannot be, as those of a redirect and of what was fetched; and if
 * it has no body, because its handler may give such a one to many clients.
 */
function changeHeaders(response: Response, write: (headers: ResponseHeaders) => void): Response {
  const { status, statusText, body } = response
  try {
    if (body !== null) {
      // Not before: a response of h3 has other headers once it has been asked for its body.
      write(response.headers)
      return response
    }
  } catch {
    // Then a copy.
  }
  const copy = new Response(body, { status, statusText, headers: response.headers })
  write(copy.headers)
  return copy
}
