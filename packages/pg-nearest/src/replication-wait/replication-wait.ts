import { NotReplicatedError, OptionError } from '../errors.ts'
import { onAbort } from '../limits/on-abort.ts'
import { sleep } from '../limits/retry-backoff.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { certainBookmark, shows, type Bookmark } from '../session/bookmark.ts'
import { formatLsn } from '../topology/lsn.ts'
import { describeRefusals } from '../topology/refused-function.ts'
import { observedPosition, type ObservedPosition } from '../observations/observed-position.ts'
import type { Observation } from '../observations/topology-updates.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { endedError } from '../servers/ended-error.ts'
import type { Servers } from '../servers/servers.ts'

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

/** Node takes a longer time for 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** How far it has come, for when it is ended in its middle. */
interface Progress {
  /** `undefined`: the primary's is not known yet. */
  position: string | undefined
  /** Who has not shown it so far, and why. */
  readonly missing: Map<string, string>
}

/**
 * Waits until each server itself has said that it shows the position: one that does not answer does not pass. Ends at once when the time
 * is over, the signal is aborted or the pool is ended, whatever it has asked.
 */
export async function waitUntilReplicated(servers: Servers, wait: ReplicationWait): Promise<void> {
  const { timeoutMs, signal } = wait
  const { ended } = servers
  if (ended.aborted) throw endedError()
  signal?.throwIfAborted()
  const names = namesOf(servers, wait.servers)
  if (names.length === 0) return
  const progress: Progress = { position: undefined, missing: new Map() }
  const stop = new AbortController()
  const timer = timeoutMs === 0 ? undefined : setTimeout(() => stop.abort(), Math.min(timeoutMs, LONGEST_TIMER_MS))
  const forget = [signal, ended].map((each) => each && onAbort(each, () => stop.abort()))
  try {
    await unlessAborted(untilAllShow(servers, names, wait, progress, stop.signal), stop.signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (ended.aborted) throw endedError()
    throw error === stop.signal.reason ? notReplicated(progress, timeoutMs) : error
  } finally {
    // What still waits for the others.
    stop.abort()
    clearTimeout(timer)
    for (const each of forget) each?.()
  }
}

async function untilAllShow(
  servers: Servers,
  names: readonly string[],
  wait: ReplicationWait,
  progress: Progress,
  stop: AbortSignal,
): Promise<void> {
  const { timeoutMs } = wait
  const target = wait.bookmark ?? (await positionOfPrimary(servers, timeoutMs, progress, stop))
  progress.position = formatLsn(target.lsn)
  progress.missing.clear()
  for (const server of names)
    progress.missing.set(server, whyNot(undefined, undefined, target, unaskable(servers.monitor, server)))
  await Promise.all(names.map((server) => untilShown(servers, server, target, timeoutMs, progress, stop)))
  // Who was not named, and has left the list meanwhile, is nobody to wait for.
  if (wait.servers === undefined)
    for (const server of names) if (!isListed(servers, server)) progress.missing.delete(server)
  if (progress.missing.size > 0) throw notReplicated(progress, timeoutMs)
}

function notReplicated({ position, missing }: Progress, withinMs: number | undefined): NotReplicatedError {
  return new NotReplicatedError(
    position,
    withinMs,
    [...missing].map(([server, why]) => ({ server, why })),
  )
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
  timeoutMs: number,
  progress: Progress,
  stop: AbortSignal,
): Promise<Bookmark> {
  const { missing } = progress
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    const [primary] = writeOrder(monitor.topology)
    const name = primary?.name ?? 'primary'
    missing.clear()
    missing.set(name, unaskable(monitor, name) ?? NO_PRIMARY)
    // oxlint-disable-next-line no-await-in-loop -- again and again until it answers
    const answer = primary === undefined ? undefined : await monitor.askNow(name)
    const position = answer?.role === 'primary' ? observedPosition(answer) : undefined
    if (position !== undefined) return certainBookmark(position)
    if (answer?.role === 'primary') {
      missing.set(name, untold(answer))
      throw notReplicated(progress, undefined)
    }
    missing.set(name, unaskable(monitor, name) ?? NO_PRIMARY)
    if (timeoutMs === 0) throw notReplicated(progress, timeoutMs)
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(pauseMs, stop)
    stop.throwIfAborted()
  }
}

function isListed({ listed }: Servers, server: string): boolean {
  return listed.some(({ name }) => name === server)
}

/** Returns when it shows the position, has left the list, or was asked once if there is no time for more. */
async function untilShown(
  servers: Servers,
  server: string,
  target: Bookmark,
  timeoutMs: number,
  progress: Progress,
  stop: AbortSignal,
): Promise<void> {
  const { engine, monitor } = servers
  const { missing } = progress
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = longer(pauseMs)) {
    // oxlint-disable-next-line no-await-in-loop -- again and again until it shows it
    const answer = await monitor.askNow(server)
    const position = answer && observedPosition(answer)
    const showing = shows(position && { ...position, standby: answer.role === 'replica' }, target, engine.positions)
    if (showing === 'yes') return void missing.delete(server)
    const listed = isListed(servers, server)
    missing.set(
      server,
      listed ? whyNot(answer, position, target, unaskable(monitor, server)) : 'it is in the list no more',
    )
    if (timeoutMs === 0 || !listed) return
    // Nobody else's position would help either.
    if (position === undefined && answer !== undefined && answer.refused.length > 0) {
      throw notReplicated(progress, undefined)
    }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(pauseMs, stop)
    stop.throwIfAborted()
  }
}

const NO_PRIMARY = 'no server says that it is the primary'

/** Why a server cannot be asked, as the status has it; `undefined` if that is not known (yet). */
function unaskable(monitor: Servers['monitor'], server: string): string | undefined {
  const { health, problem } = monitor.stateOf(server) ?? {}
  if (health === 'up' || problem === undefined) return undefined
  const said = problem.startsWith(`${server} `) ? `it ${problem.slice(server.length + 1)}` : problem
  return said.replace(/\.$/, '')
}

function untold({ refused }: Observation): string {
  return `it ${describeRefusals(refused)}`.replace(/\.$/, '')
}

function whyNot(
  answer: Observation | undefined,
  position: ObservedPosition | undefined,
  target: Bookmark,
  problem?: string,
): string {
  if (answer === undefined) return problem ?? 'it does not answer'
  if (position === undefined) return untold(answer)
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
