import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nextSubmittableStep,
  type SubmittableAct,
  type SubmittableSignal,
  type SubmittableState,
} from '../../src/submittable/submittable-lifecycle.ts'

const SIGNALS: readonly SubmittableSignal[] = [
  'turn',
  'refused',
  'news',
  'page',
  'error',
  'fatal',
  'limit',
  'limit-once-ended',
  'limit-unless-done',
  'ready',
  'lost',
]

/** In the order of the signals above: what is done, and then the state that it goes to, if that is another one; `-`: nothing. */
const TABLE: Readonly<Record<SubmittableState, string>> = {
  untold:
    'pass | take-back taken-back | pass open | pass open | take-back taken-back | take-back taken-back | tell-limit over | - overdue | - overdue-unless-done | pass over | take-back taken-back',
  open: 'pass | - | pass | pass | tell over | - dying | tell-limit over | - overdue | - overdue-unless-done | pass over | tell-loss over',
  'taken-back': '- | - | - | - | - | - | - | - | - | - | -',
  dying: '- | - | - | - | - | - | - | - | - | tell over | tell-loss over',
  overdue:
    'tell-limit over | - | pass | tell-limit over | tell-limit over | tell-limit over | - | - | - | tell-limit over | tell-loss over',
  'overdue-unless-done':
    'tell-limit over | - | pass | tell-limit over | tell-limit over | tell-limit over | - | - | - | pass over | tell-loss over',
  over: '- | - | - | - | - | - | - | - | - | - | -',
}
const STATES = Object.keys(TABLE) as SubmittableState[]

const rows = STATES.flatMap((state) => {
  const cells = TABLE[state].split(' | ')
  return SIGNALS.map((signal, i) => [state, signal, cells[i] ?? '?'] as const)
})

describe('what becomes of what speaks the protocol itself', () => {
  test.each(rows)('%s, %s: %s', (state, signal, cell) => {
    const [act, next = state] = cell.split(' ')
    expect(nextSubmittableStep(state, signal)).toEqual([next, act === '-' ? 'none' : act])
  })

  interface Told {
    readonly acts: readonly SubmittableAct[]
    readonly state: SubmittableState
    /** How often its user was told how it ended. */
    readonly ends: number
  }
  function run(begun: SubmittableState, signals: readonly SubmittableSignal[]): Told {
    let [state, ends] = [begun, 0]
    const acts = signals.map((signal) => {
      const [next, act] = nextSubmittableStep(state, signal)
      if (act.startsWith('tell') || (act === 'pass' && signal === 'ready')) ends++
      state = next
      return act
    })
    return { acts, state, ends }
  }

  const begun = fc.constantFrom<SubmittableState>('untold', 'open')
  const anySignals = fc.array(fc.constantFrom(...SIGNALS), { maxLength: 20 })
  const ended = fc.constantFrom<SubmittableSignal>('ready', 'lost')
  const always = (property: (begun: SubmittableState, signals: SubmittableSignal[]) => void): void =>
    fc.assert(
      fc.property(begun, anySignals, ended, (state, signals, end) => property(state, [...signals, end])),
      { numRuns: 2_000 },
    )

  test('whatever comes, its user is told once how it ended, or nothing at all and it is taken back', () => {
    always((state, signals) => {
      const { acts, state: last, ends } = run(state, signals)
      expect(['over', 'taken-back']).toContain(last)
      expect(ends).toBe(last === 'over' ? 1 : 0)
      expect(acts.filter((act) => act === 'take-back')).toHaveLength(last === 'over' ? 0 : 1)
    })
  })

  test('it is taken back only if nothing was passed to its user', () => {
    always((state, signals) => {
      const { acts, state: last } = run(state, signals)
      if (last !== 'taken-back') return
      expect(state).toBe('untold')
      expect(acts.filter((act, i) => act === 'pass' && signals[i] !== 'turn')).toEqual([])
    })
  })

  test('nothing comes behind its end', () => {
    always((state, signals) => {
      const { acts } = run(state, signals)
      const end = acts.findIndex((act, i) => act.startsWith('tell') || (act === 'pass' && signals[i] === 'ready'))
      if (end >= 0) expect(new Set(acts.slice(end + 1))).toEqual(new Set(end + 1 < acts.length ? ['none'] : []))
    })
  })

  test('once its limit is over it is told so, or of its loss, unless it was told otherwise before', () => {
    always((state, signals) => {
      const limit = signals.findIndex((signal) => signal === 'limit' || signal === 'limit-once-ended')
      const stood = run(state, signals.slice(0, limit)).state
      if (limit < 0 || !['untold', 'open'].includes(stood)) return
      const { acts } = run(state, signals)
      expect(acts.slice(limit).filter((act) => act === 'tell-limit' || act === 'tell-loss')).toHaveLength(1)
    })
  })
})
