import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { OptionError } from '../errors.ts'
import { checkRedirect, type RedirectHosts } from './redirect.ts'
import type { Decision, ReplayPolicy } from './replay-decision.ts'

/** A request, whatever the framework. */
export interface ReplayRequest {
  readonly method: string
  /** With or without scheme and host, as the framework has it. */
  readonly url: string
  /** Of the URL, without scheme, host and query, whatever the framework: `/cart/7`. */
  readonly path: string
  header(name: string): string | undefined
}

/** How a request was decided, and what it cost. */
export interface ReplayEvent extends Decision {
  readonly route: string
  /** Times that it waited for the primary, one after the other. 0 where it was replayed. */
  readonly trips: number
}

/** When requests run beside the primary. */
export interface ReplayOptions {
  /**
   * `cost`: a request is replayed if those of its route have waited for the primary at least twice. `always`: every one that can be, which
   * is for routes that write. `never`: none. `first-write`: a request runs here until its handler is about to write for the first time, which
   * is not sent: it fails with `RequestReplayedError`, and the request is replayed, so that what the handler did before happens twice. A
   * function says it for each request. Default `cost`.
   */
  readonly policy?: ReplayPolicy | ((request: ReplayRequest) => ReplayPolicy) | undefined
  /**
   * For platforms whose proxy cannot replay: the address of the app in each region that may have the primary, to which requests are sent by
   * a 307 instead of `fly-replay`. Costs the client two more trips, and it needs the session's option `domain` to keep the bookmark.
   * Default: `fly-replay`.
   */
  readonly redirect?: RedirectHosts | undefined
  /** The requests that cost the same, as a text. Default: method and path, in which numbers, UUIDs and the like are one. */
  readonly routeOf?: ((request: ReplayRequest) => string) | undefined
  /** Called when a request was replayed, or its response begins. What it throws is ignored. */
  readonly onDecision?: ((event: ReplayEvent) => void) | undefined
}

const POLICIES: ReadonlySet<unknown> = new Set(['cost', 'always', 'never', 'first-write'])
const FUNCTIONS = ['routeOf', 'onDecision'] as const

function isPolicy(value: unknown): value is ReplayPolicy {
  return POLICIES.has(value)
}

/** @throws OptionError for a function that returns none, such as an async one */
export function policyFor({ policy = 'cost' }: ReplayOptions, request: ReplayRequest): ReplayPolicy {
  const chosen: unknown = typeof policy === 'function' ? policy(request) : policy
  if (isPolicy(chosen)) return chosen
  throw new OptionError(
    'policy',
    `policy must return cost, always, never or first-write, and not a promise, but it returned ${describeValue(chosen)}.`,
  )
}

/** @throws OptionError for the first thing that cannot be used */
export function checkReplayOptions(options: unknown): void {
  if (!isPlainObject(options)) {
    throw new OptionError('options', `The options must be an object, but they are ${describeValue(options)}.`)
  }
  for (const name of Object.keys(options)) {
    if (name === 'policy' || name === 'redirect' || FUNCTIONS.some((each) => each === name)) continue
    throw new OptionError(
      'options',
      `There is no option ${redactName(name)}. It takes policy, redirect, routeOf, onDecision.`,
    )
  }
  const { policy } = options
  if (policy !== undefined && typeof policy !== 'function' && !isPolicy(policy)) {
    throw new OptionError(
      'policy',
      'policy must be cost, always, never or first-write, or a function that returns one of them.',
    )
  }
  checkRedirect(options['redirect'])
  for (const name of FUNCTIONS) {
    const value = options[name]
    if (value === undefined || typeof value === 'function') continue
    throw new OptionError(name, `${name} must be a function, but it is ${describeValue(value)}.`)
  }
}
