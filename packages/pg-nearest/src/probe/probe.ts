import type pg from 'pg'
import { steadyNow } from '../sleep-aware-clock.ts'
import { codeOf, isConnectionTerminated, isErrorResponse, isRefusedQuestion } from '../driver-errors.ts'
import type { Observation } from '../observations/topology-updates.ts'
import { parseLsn } from '../topology/lsn.ts'
import { isPooled } from '../pg-client/pooled-backend.ts'
import { SilentError } from '../limits/stall-aware-timeout.ts'
import {
  itemQuestion,
  PROBE_ITEMS,
  probeQuestion,
  readAnswer,
  refusalsOf,
  REPLAY_POSITION,
  type Answer,
  type ProbeRow,
  type RefusedItems,
} from './probe-question.ts'
import { PreparedProbe } from './prepared-probe.ts'
import { canWaitForLsn, waitForLsn, type AwaitedPosition } from './wait-for-lsn-sql.ts'
import { askQuietly } from './ask-quietly.ts'
import { createProbeConnection, type Asked, type ProbeConnectionOptions } from './probe-connection.ts'

/** How long a refusal is believed on one connection: somebody may have granted what was missing. */
const REFUSED_FOR_MS = 300_000

export interface ProbeOptions extends Omit<ProbeConnectionOptions, 'warmUp'> {
  /** Use WAIT FOR LSN where the server has it. */
  readonly waitForLsn: boolean
}

/** Queries one server on its own connection, so that it never waits for the app's connections. */
export interface Probe {
  /** Connects if necessary. Rejects if the server does not answer in time; the next question then makes a new connection. */
  ask(): Promise<Observation>
  /**
   * A standby's replay position, if it tells its machine, too; when it has reached what is awaited, or after some time, if the server
   * can wait.
   */
  position(awaited?: AwaitedPosition): Promise<ReplayPosition | undefined>
  /** Begins a new connection, which may lead to another machine. `false`: none could be made, and nothing changes. */
  renew(): Promise<boolean>
  /** Ends the connection; a pending question rejects. The next question makes a new connection. */
  disconnect(): void
  /** The same, for good: later questions reject. */
  close(): void
}

export interface ReplayPosition {
  readonly lsn: bigint
  readonly machine: string
}

export function createProbe(options: ProbeOptions): Probe {
  let refused: Refused = NOTHING_REFUSED
  const naming = new PreparedProbe()
  let version: string | undefined
  /** A connection on which the server could not wait, whatever its version. */
  let unable: pg.Client | undefined
  /** Never rejects. */
  let waiting: Promise<unknown> = Promise.resolve()
  // The first query on a connection fills the server's caches, so its time says little about the distance.
  const connection = createProbeConnection({ ...options, warmUp: () => probeQuestion(refused.items) })

  /** An open connection that died says little about the server, so the question is repeated on a new one. */
  const ask = async <T>(question: (on: Asked) => Promise<T>): Promise<T> => {
    const wasOpen = connection.state === 'open'
    try {
      return await connection.ask(question)
    } catch (error) {
      if (!wasOpen || error instanceof SilentError) throw error
      if (isErrorResponse(error) && !isConnectionTerminated(error)) throw error
      options.onLoss()
      return connection.ask(question)
    }
  }

  /** An error of the server's is no failure: the position is asked for without waiting. */
  const waitFor = async (on: Asked, awaited: AwaitedPosition): Promise<void> => {
    if (!options.waitForLsn || unable === on.client || !canWaitForLsn(version)) return
    const answer = askRow(on, waitForLsn(awaited))
    waiting = answer.catch(() => undefined)
    try {
      await answer
    } catch (error) {
      if (!isErrorResponse(error)) throw error
      unable = on.client
    }
  }

  const askPosition = async (on: Asked, awaited: AwaitedPosition | undefined): Promise<ReplayPosition | undefined> => {
    const waited = awaited === undefined ? undefined : waitFor(on, awaited)
    if (!on.pipelines) await waited
    const [row] = await Promise.all([orRefused(askRow(on, REPLAY_POSITION)), waited])
    const [position, machine] = row ?? []
    const lsn = parseLsn(position)
    return lsn === undefined || typeof machine !== 'string' ? undefined : { lsn, machine }
  }

  const askWhatMay = async (on: Asked): Promise<Asking & { readonly answer: Answer }> => {
    // Its time tells the distance.
    await waiting
    if (refused.on !== on.client || performance.now() - refused.since > REFUSED_FOR_MS) refused = NOTHING_REFUSED
    for (;;) {
      const askedAt = steadyNow()
      const sentAt = performance.now()
      try {
        // oxlint-disable-next-line no-await-in-loop -- the second time with what has been learned
        const row = await askRow(on, naming.textFor(on.client, refused.items))
        const answer = readAnswer(row)
        naming.answered(answer.backend !== undefined && !isPooled(on.client, answer.backend))
        return { answer, askedAt, sentAt, rttMs: performance.now() - sentAt }
      } catch (error) {
        // Whatever a function there raises: the connection shows whether the server itself is in trouble.
        if (!isErrorResponse(error)) throw error
        if (naming.refused()) continue
        // oxlint-disable-next-line no-await-in-loop -- as above
        const items = await learnRefused(on, refused.items)
        if (items.size === refused.items.size) throw error
        refused = { on: on.client, since: performance.now(), items }
      }
    }
  }

  return {
    ask: () =>
      ask(async (on) => {
        const { answer, ...asking } = await askWhatMay(on)
        version = answer.version
        const { pipelines, dialledAt, client } = on
        const { backend, ...said } = answer
        return {
          ...said,
          ...asking,
          pipelines,
          dialledAt,
          pooled: isPooled(client, backend),
          refused: refusalsOf(refused.items),
          answeredAt: steadyNow(),
        }
      }),
    position: (awaited) => ask((on) => askPosition(on, awaited)),
    renew: connection.renew,
    disconnect: connection.disconnect,
    close: connection.close,
  }
}

type Asking = Pick<Observation, 'askedAt' | 'sentAt' | 'rttMs'>

/** What the role was found not to be allowed, on one connection: the next may lead to another machine. */
interface Refused {
  readonly on: pg.Client | undefined
  readonly since: number
  readonly items: RefusedItems
}

const NOTHING_REFUSED: Refused = { on: undefined, since: 0, items: new Map() }

/** Asks for each item by itself, one after the other. */
async function learnRefused(on: Asked, known: RefusedItems): Promise<RefusedItems> {
  const refused = new Map(known)
  for (const item of PROBE_ITEMS) {
    if (refused.has(item)) continue
    try {
      // oxlint-disable-next-line no-await-in-loop -- some poolers cannot take several at once
      await askRow(on, itemQuestion(item))
    } catch (error) {
      if (!isErrorResponse(error)) throw error
      refused.set(item, codeOf(error) ?? '')
    }
  }
  return refused
}

async function orRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (!isRefusedQuestion(error)) throw error
    return undefined
  })
}

/** The last statement's row, as text whatever type parsers the app has set. */
async function askRow({ client, within }: Asked, text: string): Promise<ProbeRow | undefined> {
  const asked = { text, rowMode: 'array' as const, types: TEXT }
  const result = (await within(askQuietly(client, asked))) as unknown as ArrayResult | ArrayResult[]
  const last = Array.isArray(result) ? result.at(-1) : result
  return last?.rows[0]
}

type ArrayResult = pg.QueryArrayResult<(string | null)[]>

const TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }
