import type { Observation } from '../observations/topology-updates.ts'
import { afterListening, nextLiveness, type Liveness } from './liveness.ts'
import { classifyServerError, type ServerEvidence } from './classify-server-error.ts'
import type { ReplayPosition } from '../probe/probe.ts'
import type { MonitoredServer, MonitoredConnections } from './monitor-dependencies.ts'
import { SilentError, withinTime } from '../limits/stall-aware-timeout.ts'
import type { AwaitedPosition } from '../probe/wait-for-lsn-sql.ts'

export interface ServerWatchOptions {
  readonly name: string
  readonly supervised: MonitoredServer
  readonly intervalMs: number
  readonly silentMs: number
  readonly boundSilentMs: number
  /** Its name may lead to another machine by now, to which only a new connection leads. */
  readonly mayHaveMoved: () => boolean
  /** How old the probe's connection to a server in use may be before a new one takes its place, which may lead to another machine. */
  readonly renewalMs: (now: number, renewals: number) => number
  /** Milliseconds until the next probe. */
  readonly nextMs: () => number
  readonly onAnswer: (answer: Observation) => void
  readonly onFailure: (error: unknown, evidence: ServerEvidence) => void
  /** It has fallen silent. */
  readonly onSilence: () => void
}

/** Probes one server again and again, and notices when it is silent. */
export interface ServerWatch {
  readonly name: string
  readonly connections: MonitoredConnections
  /** Probes it now, and from then on at its pace. */
  start(): void
  /** Probes it now, or joins the probe that is under way. `undefined`: it failed, or the watch has ended. Never rejects. */
  ask(): Promise<Observation | undefined>
  /**
   * The answer to a probe that was sent after this call; `undefined`: it failed, or the one that was under way did. However many callers
   * there are, at most one probe is under way and one more is waiting. Never rejects.
   */
  askAnew(): Promise<Observation | undefined>
  /** The same; `undefined` also if there is none within `silentMs`. */
  askNow(): Promise<Observation | undefined>
  /** A standby's replay position. If the server can wait, it answers when it has reached what is awaited, or after some time. */
  position(awaited?: AwaitedPosition): Promise<ReplayPosition | undefined>
  /** Schedules the next probe anew. */
  reschedule(): void
  /** Something else has shown that the server is alive. */
  heard(): void
  /**
   * It has answered a statement. Of one that was down: what becomes of a probe that was sent before says nothing any more, and until it answers
   * one it is believed, for as long as it goes on to answer statements.
   */
  served(wasDown: boolean): void
  /** It is believed: its probes fail, and what is open there answers. */
  readonly serving: boolean
  /** A connection was lost: it is not believed any more. */
  doubt(): void
  /**
   * Probes it if a connection is waiting without an answer. Gives up connections while it is silent. Returns whether it is, or any is in use,
   * waited for, or being made.
   */
  tick(now: number, listenedMs: number): boolean
  /** Closes the probe's connection until the next probe. */
  disconnect(): void
  /** The server leaves the list: nothing is told of it any more, and what still runs there is given up if it is silent. */
  leave(): void
  /** Ends it for good: a pending probe resolves with `undefined`, and no callback is called any more. */
  end(): void
}

/** So long ago a server that is believed has answered a statement at most. */
const SERVING_MS = 1_000

/** How often to look whether a name has moved: at first, and at last. */
const FIRST_MOVED_MS = 100
const MOVED_MS = 500

export function createServerWatch(options: ServerWatchOptions): ServerWatch {
  const { name, silentMs, boundSilentMs, intervalMs } = options
  const { probe, connections } = options.supervised
  let contact: Liveness = { state: 'heard', at: performance.now() }
  let heardAt = contact.at
  /** When it was first, and last, seen to answer statements while its probes fail. */
  let service: { readonly since: number; readonly at: number } | undefined
  let phase: 'waiting' | 'running' | 'leaving' | 'ended' = 'waiting'
  let asking: Promise<Observation | undefined> | undefined
  let timer: NodeJS.Timeout | undefined
  /** When the probe last began a new connection because its name may lead elsewhere. */
  let connectedAt = performance.now()
  let renewals = 0
  /** How often it was looked in a row. */
  let looks = 0
  /** For how long connections have been dialled in vain. */
  let unansweredMs = 0
  const isEnded = (): boolean => phase === 'ended'

  const hear = (sign: ServerEvidence['contact'], waitedMs = 0): void => {
    contact = nextLiveness(contact, sign, performance.now(), waitedMs)
    if (contact.state === 'heard') heardAt = contact.at
    else options.onSilence()
  }

  /** Callbacks run outside of the error handling, because their errors say nothing about the server. */
  const question = async (): Promise<Observation | undefined> => {
    const askedAt = performance.now()
    const age = askedAt - connectedAt
    const mayHaveMoved = phase !== 'leaving' && options.mayHaveMoved()
    if (!mayHaveMoved) looks = 0
    if (mayHaveMoved && age >= Math.min(MOVED_MS, FIRST_MOVED_MS * 2 ** looks)) {
      probe.disconnect()
      connectedAt = performance.now()
      looks++
    } else if (phase !== 'leaving' && connections.total > 0 && age >= options.renewalMs(performance.now(), renewals)) {
      connectedAt = performance.now()
      renewals++
      void renew()
    }
    const outcome = await probe.ask().then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    )
    if (isEnded()) return undefined
    if ('answer' in outcome) {
      hear('word')
      service = undefined
      if (phase !== 'leaving') options.onAnswer(outcome.answer)
      return outcome.answer
    }
    if (service !== undefined && service.since > askedAt) return question()
    const { error } = outcome
    const evidence = classifyServerError(error)
    hear(evidence.contact, error instanceof SilentError ? error.ms : 0)
    if (phase !== 'leaving') options.onFailure(error, evidence)
    giveUp(performance.now())
    return undefined
  }

  /** Beside the questions, because a name that leads nowhere must not delay them. */
  const renew = async (): Promise<void> => {
    if (await probe.renew()) await ask()
  }

  const ask = (): Promise<Observation | undefined> => {
    if (isEnded()) return Promise.resolve(undefined)
    clearTimeout(timer)
    asking ??= question().finally(() => {
      asking = undefined
      reschedule()
    })
    return asking
  }

  const reschedule = (): void => {
    if ((phase !== 'running' && phase !== 'leaving') || asking !== undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => void ask(), options.nextMs())
    timer.unref()
  }

  const giveUp = (now: number): void => {
    if (contact.state !== 'silent' || contact.forMs < silentMs) return
    // Writes and transactions are kept until the server itself has been silent for that long, however long they have waited.
    const boundMs = contact.forMs < boundSilentMs ? Number.POSITIVE_INFINITY : silentMs
    connections.giveUp(now, { movableMs: silentMs, boundMs })
  }

  const askAnew = async (since: number = performance.now()): Promise<Observation | undefined> => {
    const answer = await ask()
    // The probe that was joined may have been sent earlier; the next one cannot have been.
    return answer === undefined || answer.sentAt > since ? answer : ask()
  }

  const end = (): void => {
    phase = 'ended'
    clearTimeout(timer)
    probe.close()
  }

  return {
    name,
    connections,
    start() {
      if (phase !== 'waiting') return
      phase = 'running'
      void ask()
    },
    ask,
    askAnew,
    askNow: () => withinTime(askAnew(), silentMs).catch(() => undefined),
    async position(awaited) {
      const seen = await probe.position(awaited)
      return isEnded() ? undefined : seen
    },
    reschedule,
    heard: () => hear('word'),
    served(wasDown) {
      if (wasDown || service !== undefined) hear('word')
      const at = performance.now()
      if (wasDown) service = { since: at, at }
      else if (service !== undefined) service = { since: service.since, at }
    },
    get serving() {
      return service !== undefined && performance.now() - service.at < SERVING_MS
    },
    doubt: () => void (service = undefined),
    tick(now, listenedMs) {
      contact = afterListening(contact, listenedMs)
      giveUp(now)
      unansweredMs = connections.unanswered ? unansweredMs + listenedMs : 0
      if (unansweredMs >= silentMs) connections.moveWaiters()
      const waitingSince = connections.waitingSince(now)
      if (waitingSince !== undefined && now - Math.max(waitingSince, heardAt) > intervalMs / 2) void ask()
      const { total, idle, inFlight } = connections
      return contact.state === 'silent' || inFlight > 0 || total > idle
    },
    disconnect: probe.disconnect,
    leave() {
      if (!isEnded()) phase = 'leaving'
    },
    end,
  }
}
