import type { RequestHead, ResponseHeaders } from '../http-session/http-session.ts'

/** What is needed of a request, independent of the framework. */
export interface IncomingHead extends RequestHead {
  readonly method: string
  /** With or without scheme and host. */
  readonly url: string
}

/** What a request gets instead of being handled. */
export interface Answer {
  readonly kind: 'replay'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** What is done around the handler of a request. */
export interface Around {
  readonly kind: 'here'
  /** Runs the handler. */
  run<T>(work: () => T): T
  /** Returns a function that adds to the headers of a response with this status; `undefined` if there is nothing to add. */
  headerWriter(status: number): ((headers: ResponseHeaders) => void) | undefined
  /** Calls back once nothing is being written any more; at once if that is so. Default: nothing may be. */
  whenWritten?(callback: () => void): void
  /** The status that a response gets instead of this one. Default: none. */
  statusFor?(status: number): number
  /** What its client gets instead of this error of its handler; `undefined`: the error is thrown on. Default: none. */
  answerFor?(error: unknown): { readonly status: number; readonly body: string } | undefined
  /** The request is over. */
  end(status: number): void
}

/** The response to a request that is being handled. */
export interface PendingResponse {
  /** Whether its status and headers have gone out. */
  begun(): boolean
  /** Whether its client has left, so that nobody would send the request again. */
  abandoned(): boolean
  /** Whatever the handler answers, the client gets this. */
  replace(answer: Answer): void
}

/** What one of this library's middlewares does with each request. Every door is made for all of them. */
export type Middleware = (request: IncomingHead, response: PendingResponse) => Answer | Around
