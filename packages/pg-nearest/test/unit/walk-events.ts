import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'
import type { Evidence } from '../../src/route/failure-meaning.ts'
import type { Attempt } from '../../src/route/plan-servers.ts'
import { admit, nextStep, type WalkCommand, type WalkEvent } from '../../src/walk-states/walk-state-machine.ts'
import { beginWalk, type WalkFacts, type WalkState } from '../../src/walk-states/walk-state.ts'

export const READS: WalkFacts = { reads: true, readOnly: false, harmless: false, mayCommitInside: false }
export const WRITES: WalkFacts = { reads: false, readOnly: false, harmless: false, mayCommitInside: false }
export const failed = new Error('it failed')
export const behind = new ReplicaBehindError('ord')
export const behindAfterRun: Evidence = { kind: 'behind', error: behind, mayHaveWritten: true }
export const on = (...servers: string[]): Attempt[] => servers.map((server) => ({ server, reason: 'nearest' }))
export const evidence = (
  kind: 'unsent' | 'misled' | 'unsendable' | 'answered' | 'lost',
  code?: string,
  routine?: string,
): Evidence => ({
  kind,
  error: Object.assign(new Error('it failed'), { code, routine }),
})
export const unreachable: Evidence = { kind: 'no-connection', why: 'unreachable', error: failed }
export const queue: Evidence = { kind: 'no-connection', why: 'queue', error: failed }

interface Failed {
  readonly leg?: number
  readonly standby?: boolean
  readonly forced?: boolean
  readonly mayWait?: boolean
  readonly primaries?: readonly Attempt[]
  readonly relisted?: readonly Attempt[]
}
export function failure(
  of: Evidence,
  { leg = 0, standby = false, forced = false, mayWait = false, primaries = [], relisted }: Failed = {},
) {
  return { kind: 'failed', leg, standby, forced, evidence: of, primaries, relisted, mayWait } as const
}

export const replanned = (attempts: readonly Attempt[], unlisted = false): WalkEvent => ({
  kind: 'replanned',
  leg: 0,
  attempts,
  mayWait: true,
  unlisted,
})
export const slow: WalkEvent = { kind: 'slow', attempts: on('ord', 'nrt') }
export const lost = evidence('lost', 'ECONNRESET')
export const readOnlyPrimary = evidence('answered', '25006', 'PreventCommandIfReadOnly')
export const readOnlyStandby = evidence('answered', '25006', 'PreventCommandDuringRecovery')

/** What is commanded after the last of these events. `admit`: it is run as it is, on a server that may be the primary. */
export function after(
  facts: WalkFacts,
  attempts: readonly Attempt[],
  ...events: readonly (WalkEvent | 'admit')[]
): string[] {
  let state: WalkState = beginWalk(facts, attempts)
  let commands: readonly WalkCommand[] = []
  for (const event of [{ kind: 'begun', mayWait: true } as const, ...events]) {
    if (event === 'admit') [state] = admit(state, 0, false)
    else [state, commands] = nextStep(state, event)
  }
  return commands.map(shown)
}

function shown(command: WalkCommand): string {
  switch (command.kind) {
    case 'try':
      return `${command.leg}: try ${command.attempt.server}${command.resends ? ' once more' : ''}`
    case 'wait':
      return `wait, round ${command.round}`
    case 'fail':
      return command.failure.kind === 'nobody' ? `fail: ${command.failure.gaveUp}` : `fail: ${command.failure.kind}`
    default:
      return `${command.leg}: ${command.kind}`
  }
}
