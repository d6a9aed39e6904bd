import type { ReplayInstruction } from './replay-instruction.ts'
import type { Instance } from './choose-instances.ts'

/** A message's headers in order, as `name: value`, with names as they were written. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** Of one connection, not of the message. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Node's `rawHeaders` without what belongs to the connection. */
export function endToEnd(rawHeaders: readonly string[]): HeaderList {
  const pairs: (readonly [string, string])[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''])
  return without(pairs, HOP_BY_HOP)
}

export function without(headers: HeaderList, names: ReadonlySet<string>): HeaderList {
  return headers.filter(([name]) => !names.has(name.toLowerCase()))
}

/** With these instead of headers of the same names. */
export function withHeaders(headers: HeaderList, added: HeaderList): HeaderList {
  return [...without(headers, new Set(added.map(([name]) => name.toLowerCase()))), ...added]
}

export interface Connection {
  readonly region: string
  readonly clientAddress: string
  readonly port: number
  readonly requestId: string
}

/**
 * What Fly's proxy tells an app about a request.
 *
 * @see https://fly.io/docs/networking/request-headers/
 */
export function edgeHeaders(headers: HeaderList, { region, clientAddress, port, requestId }: Connection): HeaderList {
  const chain = headers.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value)
  return withHeaders(headers, [
    ['Fly-Client-IP', clientAddress],
    ['Fly-Forwarded-Port', String(port)],
    ['Fly-Region', region],
    ['Fly-Request-Id', requestId],
    ['Via', '1.1 fly.io'],
    ['X-Forwarded-For', [...chain, clientAddress].join(', ')],
    ['X-Forwarded-Port', String(port)],
    ['X-Forwarded-Proto', 'http'],
  ])
}

/** A request as it is sent again. */
export function replayedHeaders(
  headers: HeaderList,
  { state, transform }: ReplayInstruction,
  source: Instance,
  nowMs: number,
): HeaderList {
  const fields = [`instance=${source.id}`, `region=${source.region}`, `t=${Math.round(nowMs * 1000)}`]
  if (state !== undefined) fields.push(`state=${state}`)
  const kept = withHeaders(without(headers, new Set(transform.deleteHeaders)), transform.setHeaders)
  return withHeaders(kept, [['fly-replay-src', fields.join(';')]])
}

export type FailureReason = 'timeout' | 'retries_exhausted' | 'no_candidate'

/** A request as it comes back to the instance that wanted it replayed. */
export function failedHeaders(
  headers: HeaderList,
  { instance, preferInstance, app, regions }: ReplayInstruction,
  source: Instance,
  {
    reason,
    elapsedMs,
    ownApp,
  }: { readonly reason: FailureReason; readonly elapsedMs: number; readonly ownApp: string },
): HeaderList {
  const target = instance ?? preferInstance
  const fields = [
    ...(target === undefined ? [] : [`instance=${target}`]),
    `app=${app ?? ownApp}`,
    ...(regions.length === 0 ? [] : [`region=${regions.join(',')}`]),
    `replay_source=${source.id}`,
    `reason=${reason}`,
    `elapsed_ms=${Math.round(elapsedMs)}`,
  ]
  return withHeaders(headers, [['fly-replay-failed', fields.join(';')]])
}
