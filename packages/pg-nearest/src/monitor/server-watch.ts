import type { Observation } from '../topology/topology-updates.ts'
import { afterListening, nextLiveness, type Liveness } from './liveness.ts'
import { evidenceOf, type Evidence } from './server-evidence.ts'
import type { MonitoredServer, MonitoredConnections } from './monitored-server.ts'
import { SilentError, withinTime } from './probe-timeout.ts'

export interface ServerWatchOptions {
  readonly name: string
  readonly supervised: MonitoredServer
  readonly intervalMs: number
  readonly silentMs: number
  readonly boundSilentMs: number
  /** Milliseconds until the next question. */
  readonly nextMs: () => number
  readonly onAnswer: (answer: Observation) => void
  readonly onFailure: (error: unknown, evidence: Evidence) => void
}

/** Asks one server, again and again, and knows whether it is heard from. */
export interface ServerWatch {
  readonly name: string
  readonly connections: MonitoredConnections
  readonly contact: Liveness
  /** Asks it now, and from now on at its pace. */
  start(): void
  /** Asks it now, or joins the question that is being asked. `undefined`: it failed, or is not watched any more. Never rejects. */
  ask(): Promise<Observation | undefined>
  /**
   * The answer to a question that was sent after this call; `undefined` when there is none within the time for one. At most
   * one question is being asked, and one more waits for it, however many call. Never rejects.
   */
  askNow(): Promise<Observation | undefined>
  /** Where a standby's replay is now. */
  position(): Promise<bigint | undefined>
  /** Sets the time until the next question anew. */
  reschedule(): void
  /** Something else has shown that the server is alive. */
  heard(): void
  /** Asks it if somebody waits for it and it says nothing; gives up connections while it is silent. */
  tick(now: number, listenedMs: number): void
  /** Closes the probe's connection until the next question. */
  disconnect(): void
  /** For good: what is being asked settles with `undefined`, and no callback hears of it. */
  end(): void
}

export function createServerWatch(options: ServerWatchOptions): ServerWatch {
  const { name, silentMs, boundSilentMs, intervalMs } = options
  const { probe, connections } = options.supervised
  let contact: Liveness = { state: 'heard', at: performance.now() }
  let heardAt = contact.at
  let phase: 'waiting' | 'running' | 'ended' = 'waiting'
  let asking: Promise<Observation | undefined> | undefined
  let timer: NodeJS.Timeout | undefined
  const isEnded = (): boolean => phase === 'ended'

  const hear = (sign: Evidence['contact'], waitedMs = 0): void => {
    contact = nextLiveness(contact, sign, performance.now(), waitedMs)
    if (contact.state === 'heard') heardAt = contact.at
  }

  /** The callbacks run outside of the `catch`: an error in one of them says nothing about the server. */
  const question = async (): Promise<Observation | undefined> => {
    const outcome = await probe.ask().then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    )
    if (isEnded()) return undefined
    if ('answer' in outcome) {
      hear('word')
      options.onAnswer(outcome.answer)
      return outcome.answer
    }
    const { error } = outcome
    const evidence = evidenceOf(error)
    hear(evidence.contact, error instanceof SilentError ? error.ms : 0)
    options.onFailure(error, evidence)
    giveUp(performance.now())
    return undefined
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
    if (phase !== 'running' || asking !== undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => void ask(), options.nextMs())
    timer.unref()
  }

  const giveUp = (now: number): void => {
    if (contact.state !== 'silent' || contact.forMs < silentMs) return
    // However long something has waited already: what is bound is kept until the server itself was silent for so long.
    const boundMs = contact.forMs < boundSilentMs ? Number.POSITIVE_INFINITY : boundSilentMs
    connections.giveUp(now, { movableMs: silentMs, boundMs })
  }

  const freshAnswer = async (since: number): Promise<Observation | undefined> => {
    const answer = await ask()
    // The question that was joined may have been sent before. The next one cannot have been.
    return answer === undefined || answer.sentAt > since ? answer : ask()
  }

  return {
    name,
    connections,
    get contact() {
      return contact
    },
    start() {
      if (phase !== 'waiting') return
      phase = 'running'
      void ask()
    },
    ask,
    askNow: () => withinTime(freshAnswer(performance.now()), silentMs).catch(() => undefined),
    async position() {
      const lsn = await probe.position()
      return isEnded() ? undefined : lsn
    },
    reschedule,
    heard: () => hear('word'),
    tick(now, listenedMs) {
      contact = afterListening(contact, listenedMs)
      giveUp(now)
      const waitingSince = connections.waitingSince(now)
      if (waitingSince !== undefined && now - Math.max(waitingSince, heardAt) > intervalMs / 2) void ask()
    },
    disconnect: probe.disconnect,
    end() {
      phase = 'ended'
      clearTimeout(timer)
      probe.close()
    },
  }
}
