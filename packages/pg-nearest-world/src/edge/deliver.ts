import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { chooseInstances, wishOf, type Instance, type Wish } from './choose-instances.ts'
import { forwardRequest, type Answer, type Outgoing } from './forward-request.ts'
import { EdgeFailure } from './edge-failure.ts'
import { firstReachable, type Found } from './first-reachable.ts'
import { failedHeaders, replayedHeaders, withHeaders, type HeaderList } from './forwarded-headers.ts'
import {
  parseReplayHeader,
  parseReplayJson,
  REPLAY_JSON,
  ReplayFault,
  type ReplayInstruction,
} from './replay-instruction.ts'
import type { RequestBody } from './request-body.ts'
import type { InstanceLinks } from './instance-links.ts'

/** More would be a loop. */
const MOST_REPLAYS = 5
/** For an instance that is about to start. */
const USUAL_TIMEOUT_MS = 5_000

/** A request that has come to the edge, with the headers that every instance shall see. */
export interface Arrived {
  readonly region: string
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  /** As the client sent them. */
  readonly wishes: IncomingMessage['headers']
  readonly body: RequestBody
  readonly upgrade: string | undefined
  readonly signal: AbortSignal
}

/** What the edge knows of an app. */
export interface Backend {
  readonly app: string
  instances(): readonly Instance[]
  readonly links: InstanceLinks
}

export interface Delivered {
  readonly answer: Answer
  readonly instance: Instance
  /** How often an app had it sent elsewhere. */
  readonly replays: number
}

/**
 * Brings a request to an instance, and to others as long as apps answer with `fly-replay`.
 *
 * @throws EdgeFailure where the client gets an answer of the edge's own
 */
export async function deliver(arrived: Arrived, backend: Backend): Promise<Delivered> {
  const wish = wishOf(arrived.wishes)
  const first = await search(arrived, backend, { wish })
  if (first.kind === 'failed') throw unreachable(first.reason)
  let instance = first.instance
  let outgoing: Outgoing = { ...arrived, headers: preferenceHeaders(arrived.headers, wish, instance) }
  let fallback = false

  for (let replays = 0; ; replays++) {
    const answer = await send(backend, arrived.region, instance, outgoing)
    const instruction = await replayOf(answer)
    if (instruction === undefined) return { answer, instance, replays }
    answer.message.resume()
    if (fallback) throw new EdgeFailure(502, 'A request that came back after a failed replay cannot be replayed again.')
    if (arrived.body.bytes === undefined) throw new EdgeFailure(502, 'A request of more than 1 MB cannot be replayed.')
    if (replays === MOST_REPLAYS) throw new EdgeFailure(508, `The request was replayed ${MOST_REPLAYS} times: a loop.`)

    const source = instance
    const found = await search(arrived, backend, { wish: instruction, instruction, source })
    if (found.kind === 'found') {
      instance = found.instance
      const headers = replayedHeaders(arrived.headers, instruction, source, Date.now())
      outgoing = {
        ...arrived,
        path: instruction.transform.path ?? arrived.path,
        headers: preferenceHeaders(headers, instruction, instance),
      }
    } else {
      instance = await comeBack(arrived, backend, instruction, source, found)
      const headers = failedHeaders(arrived.headers, instruction, source, { ...found, ownApp: backend.app })
      outgoing = { ...arrived, headers }
      fallback = true
    }
  }
}

interface Aim {
  readonly wish: Wish
  readonly instruction?: ReplayInstruction
  readonly source?: Instance
}

function search(
  { region, signal }: Arrived,
  { app, instances, links }: Backend,
  { wish, instruction, source }: Aim,
): Promise<Found> {
  return firstReachable({
    candidates: () =>
      instruction?.app !== undefined && instruction.app !== app
        ? []
        : chooseInstances(
            instances().filter(({ id }) => instruction?.elsewhere !== true || id !== source?.id),
            wish,
            (other) => links.distance(region, other),
          ),
    reachable: (instance) => links.reachable(region, instance),
    timeoutMs: instruction?.timeoutMs ?? USUAL_TIMEOUT_MS,
    timed: instruction?.timeoutMs !== undefined,
    signal,
  })
}

/** The instance that gets a request back whose replay has failed. */
async function comeBack(
  arrived: Arrived,
  backend: Backend,
  { fallback }: ReplayInstruction,
  source: Instance,
  { reason }: Extract<Found, { kind: 'failed' }>,
): Promise<Instance> {
  if (fallback === undefined) throw unreachable(reason)
  const own = { regions: [], instance: undefined, preferInstance: source.id }
  const wish = fallback === 'force_self' ? { ...own, instance: source.id } : own
  const back = await search(arrived, backend, { wish })
  if (back.kind === 'failed') throw unreachable(back.reason)
  return back.instance
}

async function send({ links }: Backend, region: string, instance: Instance, outgoing: Outgoing): Promise<Answer> {
  try {
    return await forwardRequest(await links.port(region, instance), links.agent, outgoing)
  } catch (error) {
    throw new EdgeFailure(
      502,
      `The connection to ${instance.id} in ${instance.region} ended before its answer: ${String(error)}`,
    )
  }
}

/** Only an app that has not taken the upgrade may have the request replayed. */
async function replayOf({ kind, message }: Answer): Promise<ReplayInstruction | undefined> {
  if (kind === 'upgrade') return undefined
  try {
    const header = message.headers['fly-replay']
    if (header !== undefined) return parseReplayHeader([header].flat().join(';'))
    const isJson = message.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === REPLAY_JSON
    return isJson ? parseReplayJson(await text(message)) : undefined
  } catch (error) {
    message.resume()
    if (error instanceof ReplayFault) throw new EdgeFailure(502, `${error.message}.`)
    throw error
  }
}

function preferenceHeaders(headers: HeaderList, { preferInstance }: Wish, instance: Instance): HeaderList {
  if (preferInstance === undefined || preferInstance === instance.id) return headers
  return withHeaders(headers, [['fly-preferred-instance-unavailable', preferInstance]])
}

function unreachable(reason: string): EdgeFailure {
  return new EdgeFailure(503, `No instance of the app can be reached (${reason}).`)
}
