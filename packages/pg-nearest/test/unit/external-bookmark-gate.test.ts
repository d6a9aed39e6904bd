import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { PositionLostEvent } from '../../src/events/event-types.ts'
import { awaitBookmarkClaim } from '../../src/walk/await-bookmark-claim.ts'
import {
  createBookmarkClaims,
  type ClaimGate,
  type ClaimOutcome,
  type PrimaryAnswer,
} from '../../src/session-positions/external-bookmark-gate.ts'
import type { FreshnessContext } from '../../src/session-positions/freshness-context.ts'
import { FreshnessCheck } from '../../src/freshness/freshness-check.ts'
import { PositionRecorder } from '../../src/session-positions/position-recorder.ts'
import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'
import { createKnownPositions } from '../../src/positions/known-positions.ts'
import type { Bookmark } from '../../src/session/bookmark.ts'
import { SessionState } from '../../src/session/session-state.ts'
import type { ServerState } from '../../src/topology/topology-types.ts'
import type { AttemptEnd, Turn } from '../../src/walk/execution-types.ts'
import { serverState, topologyOf } from './server-state.ts'

const BEGAN_AT = 100
const LATER: Bookmark = { systemIdentifier: '1', timeline: 2, lsn: 5n }
const PRIMARY: Bookmark = { systemIdentifier: '1', timeline: 1, lsn: 900n }

/** What `ord` has said beside the primary `nrt`, which has said just now that it is on timeline 1. */
interface Other {
  /** By probes. */
  readonly listed?: Partial<ServerState>
  readonly said?: {
    readonly at: number
    readonly timeline?: number
    readonly systemIdentifier?: string
    readonly machine?: string
  }[]
  readonly isBalanced?: boolean
}

interface Settled {
  readonly outcome: string
  readonly session: SessionState
  readonly context: FreshnessContext
  readonly told: readonly PositionLostEvent[]
}

function settle(trusted: boolean, { listed = {}, said = [], isBalanced = false }: Other): Settled {
  const positions = createKnownPositions()
  positions.note('nrt', { machine: 'a', at: BEGAN_AT + 10, standby: false, ...PRIMARY })
  for (const each of said)
    positions.note('ord', { machine: 'b', lsn: 900n, standby: true, systemIdentifier: '1', ...each })
  const told: PositionLostEvent[] = []
  const context = {
    topology: topologyOf([serverState({ name: 'nrt', role: 'primary' }), serverState({ name: 'ord', ...listed })]),
    positions,
    members: { isBalanced: () => isBalanced },
    stateOf: () => undefined,
    noteServed: () => undefined,
    onPositionLost: (event: PositionLostEvent) => told.push(event),
  } as unknown as FreshnessContext
  const session = new SessionState(LATER, { trusted, beganAt: BEGAN_AT })
  const recorder = new PositionRecorder(context, session, { bookmark: LATER }, true)
  const { kind } = recorder.settleClaim('nrt', { kind: 'position', position: PRIMARY })
  expect(session.bookmark).toEqual(kind === 'settled' ? PRIMARY : LATER)
  return { outcome: kind, session, context, told }
}

/** By the end of any statement of its session. */
function tell({ context, session }: Settled): void {
  new FreshnessCheck(context, session, 'session', true).emitLosses()
}

describe('a claim of a later timeline than the primary’s', () => {
  test.each<[string, Other, 'settled' | 'open', 'settled' | 'open']>([
    ['has never answered', { listed: { timeline: undefined } }, 'open', 'settled'],
    ['has answered before the session began', { said: [{ at: BEGAN_AT - 1, timeline: 1 }] }, 'open', 'settled'],
    ['has answered since', { said: [{ at: BEGAN_AT, timeline: 1 }] }, 'settled', 'settled'],
    [
      'has answered since, and is down',
      { listed: { health: 'down' }, said: [{ at: 101, timeline: 1 }] },
      'settled',
      'settled',
    ],
    [
      'has answered since, but not with its timeline',
      { said: [{ at: 99, timeline: 1 }, { at: 101 }] },
      'open',
      'settled',
    ],
    ['is on that timeline', { listed: { timeline: 2 }, said: [{ at: 101, timeline: 2 }] }, 'open', 'open'],
    ['is leaving', { listed: { health: 'leaving' } }, 'settled', 'settled'],
    [
      'is one of two behind its name, of which one is on that timeline',
      {
        said: [
          { at: 101, timeline: 2 },
          { at: 102, timeline: 1, machine: 'c' },
        ],
        isBalanced: true,
      },
      'open',
      'settled',
    ],
    ['is of another cluster', { said: [{ at: 101, timeline: 1, systemIdentifier: '2' }] }, 'settled', 'settled'],
  ])('when the other server %s', (_, other, trusted, untrusted) => {
    for (const [isTrusted, outcome] of [
      [true, trusted],
      [false, untrusted],
    ] as const) {
      const settled = settle(isTrusted, other)
      tell(settled)
      expect([settled.outcome, settled.told.length]).toEqual([outcome, isTrusted && outcome === 'settled' ? 1 : 0])
    }
  })

  test('its loss is told once, and by whichever statement of the session ends first', () => {
    const settled = settle(true, { listed: { health: 'leaving' } })
    expect(settled.told).toEqual([])
    tell(settled)
    tell(settled)
    expect(settled.told).toMatchObject([{ server: 'nrt', lost: { timeline: 2 }, now: { timeline: 1 } }])
  })
})

const SETTLED = (): ClaimOutcome => ({ kind: 'settled' })

describe('the gate', () => {
  test('lets one in, makes the others ask, and lets the next one in when he has left', () => {
    const claims = createBookmarkClaims(() => Promise.resolve(undefined))
    const first = claims.enter('nrt', SETTLED)
    expect([first.kind, claims.enter('nrt', SETTLED).kind]).toEqual(['entered', 'asking'])
    leave(first)
    const second = claims.enter('nrt', SETTLED)
    leave(first)
    expect([second.kind, claims.enter('nrt', SETTLED).kind], 'he leaves once only').toEqual(['entered', 'asking'])
  })

  test.each<[string, ClaimOutcome, string]>([
    ['settled: it is planned anew', { kind: 'settled' }, 'replan'],
    ['open: that server does not show it', { kind: 'open', error: new ReplicaBehindError('nrt') }, 'failed: behind'],
  ])('%s', async (_, outcome, end) => {
    const ends = passing({ kind: 'asking', answer: Promise.resolve({ kind: 'silent' }), settle: () => outcome })
    await nextTurn()
    expect(ends.map(shown)).toEqual([end])
  })

  test('is left by what throws', () => {
    const claims = createBookmarkClaims(() => Promise.resolve(undefined))
    const gate = claims.enter('nrt', SETTLED)
    const run = (): never => {
      throw new Error('it was not run')
    }
    expect(() => awaitBookmarkClaim(gate, undefined, turnTo([]), run)).toThrow('it was not run')
    expect(claims.enter('nrt', SETTLED).kind).toBe('entered')
  })

  test('a fault of ours does not leave the caller waiting', async () => {
    const fault = new Error('a fault')
    const settling = (): never => {
      throw fault
    }
    const ends = passing({ kind: 'asking', answer: Promise.resolve({ kind: 'silent' }), settle: settling })
    await nextTurn()
    expect(ends).toEqual([{ kind: 'cut', error: fault }])
  })

  test('an abort ends the wait at once, and what is answered later settles nothing', async () => {
    const controller = new AbortController()
    let answer: ((said: PrimaryAnswer) => void) | undefined
    const asked = new Promise<PrimaryAnswer>((resolve) => (answer = resolve))
    let settled = 0
    const settling = (): ClaimOutcome => {
      settled++
      return { kind: 'settled' }
    }
    const ends = passing({ kind: 'asking', answer: asked, settle: settling }, controller.signal)
    controller.abort('enough')
    expect(ends).toEqual([{ kind: 'cut', error: 'enough' }])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    answer?.({ kind: 'silent' })
    await nextTurn()
    expect([ends.length, settled]).toEqual([1, 0])
  })
})

function leave(gate: ClaimGate): void {
  if (gate.kind === 'entered') gate.leave()
}

function passing(gate: ClaimGate, signal?: AbortSignal): AttemptEnd<never>[] {
  const ends: AttemptEnd<never>[] = []
  const run = (): never => {
    throw new Error('it must not run')
  }
  awaitBookmarkClaim(gate, signal, turnTo(ends), run)
  return ends
}

function turnTo(ends: AttemptEnd<never>[]): Turn<never> {
  return { hasNext: false, admit: () => 'as-is', end: (end) => void ends.push(end) }
}

function shown(end: AttemptEnd<never>): string {
  return end.kind === 'failed' ? `failed: ${end.evidence.kind}` : end.kind
}
