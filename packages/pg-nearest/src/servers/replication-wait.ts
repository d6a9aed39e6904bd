import { NotReplicatedError, OptionError, type MissingServer } from '../errors.ts'
import { sleep } from '../limits/retry-backoff.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import { formatLsn } from '../topology/lsn.ts'
import { observedPosition, type ObservedPosition } from '../topology/observed-position.ts'
import type { Observation } from '../topology/topology-updates.ts'
import { writeOrder } from '../topology/server-selection.ts'
import type { Servers } from './servers.ts'

export interface ReplicationWait {
  /** `undefined`: what the primary has now. */
  readonly bookmark: Bookmark | undefined
  /** Names as in the status. `undefined`: every server of the list but the primary. */
  readonly servers: readonly string[] | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** Milliseconds between two questions to a server. */
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 500

/** Waits until each server itself has said that it shows the position: one that does not answer does not pass. */
export async function waitUntilReplicated(servers: Servers, wait: ReplicationWait): Promise<void> {
  const { timeoutMs, signal } = wait
  const deadline = performance.now() + timeoutMs
  const names = namesOf(servers, wait.servers)
  if (names.length === 0) return
  const target = wait.bookmark ?? (await positionOfPrimary(servers, deadline, wait))
  const whys = await Promise.all(names.map((server) => untilShown(servers, server, target, deadline, signal)))
  signal?.throwIfAborted()
  const missing = names.flatMap((server, i): MissingServer[] => {
    const why = whys[i]
    return why === undefined ? [] : [{ server, why }]
  })
  if (missing.length > 0) throw new NotReplicatedError(formatLsn(target.lsn), timeoutMs, missing)
}

function namesOf({ listed, monitor }: Servers, wanted: readonly string[] | undefined): readonly string[] {
  const names = listed.map(({ name }) => name)
  const unknown = wanted?.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new OptionError('servers', `There is no server ${JSON.stringify(unknown)}: there are ${names.join(', ')}.`)
  }
  if (wanted !== undefined) return wanted
  const [primary] = writeOrder(monitor.topology)
  return names.filter((name) => name !== primary?.name)
}

async function positionOfPrimary(
  { monitor }: Servers,
  deadline: number,
  { timeoutMs, signal }: ReplicationWait,
): Promise<Bookmark> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    const [primary] = writeOrder(monitor.topology)
    // oxlint-disable-next-line no-await-in-loop -- again and again until it answers
    const answer = primary === undefined ? undefined : await monitor.askNow(primary.name)
    const position = answer?.role === 'primary' ? observedPosition(answer) : undefined
    if (position !== undefined) return { ...position, certain: true }
    signal?.throwIfAborted()
    const refuses = answer?.role === 'primary'
    if (refuses || performance.now() >= deadline) {
      const why = refuses ? 'it does not tell its position' : 'no server says that it is the primary'
      throw new NotReplicatedError('the primary', timeoutMs, [{ server: primary?.name ?? 'primary', why }])
    }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(pauseMs, signal)
  }
}

/** Why it does not show the position; `undefined` once it does. */
async function untilShown(
  { engine, monitor }: Servers,
  server: string,
  target: Bookmark,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    // oxlint-disable-next-line no-await-in-loop -- again and again until it shows it
    const answer = await monitor.askNow(server)
    const position = answer && observedPosition(answer)
    const showing = shows(position && { ...position, standby: answer.role === 'replica' }, target, engine.positions)
    if (showing === 'yes') return undefined
    if (signal?.aborted === true || performance.now() >= deadline) return whyNot(answer, position, target)
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(Math.min(pauseMs, Math.max(1, deadline - performance.now())), signal)
  }
}

function whyNot(answer: Observation | undefined, position: ObservedPosition | undefined, target: Bookmark): string {
  if (answer === undefined) return 'it does not answer'
  if (position === undefined) return 'it does not tell its position'
  if (position.systemIdentifier !== target.systemIdentifier) return 'it belongs to another cluster'
  if (position.timeline < target.timeline) {
    const late = answer.timelineIsLate ? ', as far as it tells: grant pg_monitor to its user' : ''
    return `it is on timeline ${position.timeline}, not ${target.timeline}${late}`
  }
  const bytes = target.lsn - position.lsn
  return bytes > 0n ? `it is ${bytes} bytes behind` : 'it may lack what was lost in a promotion'
}

function longer(pauseMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
}
