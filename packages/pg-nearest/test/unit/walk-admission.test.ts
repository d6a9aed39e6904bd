import { describe, expect, test } from 'vitest'
import { admit, nextStep, type WalkEvent } from '../../src/walk-states/walk-state-machine.ts'
import type { Evidence } from '../../src/route/failure-meaning.ts'
import { beginWalk, type WalkFacts, type WalkState } from '../../src/walk-states/walk-state.ts'
import { behind, behindAfterRun, failure, lost, on, READS, slow, unreachable } from './walk-events.ts'

describe('who may run it where it could write', () => {
  const begun = (facts: WalkFacts): WalkState =>
    nextStep(beginWalk(facts, on('nrt', 'ord')), { kind: 'begun', mayWait: false })[0]
  const hedged = (): WalkState => nextStep(begun(READS), slow)[0]

  test('whoever comes first, and nobody beside him', () => {
    const [first, verdict] = admit(hedged(), 0, false)
    expect(verdict).toBe('as-is')
    expect(admit(first, 0, false)[1], 'he himself').toBe('as-is')
    expect(admit(first, 1, false)[1]).toBe('read-only')
    expect(admit(first, 1, true)[1], 'a standby, which may have been promoted').toBe('read-only')
  })

  test('the next one, once it is known to have had no effect', () => {
    const [first] = admit(hedged(), 0, false)
    const [released] = nextStep(first, failure(unreachable))
    expect(admit(released, 1, false)[1]).toBe('as-is')
  })

  test('nobody, once it may have written', () => {
    const [first] = admit(hedged(), 0, false)
    const [unknown] = nextStep(first, failure(lost))
    expect(admit(unknown, 1, false)[1]).toBe('read-only')
    expect(admit(unknown, 0, false)[1]).toBe('read-only')
  })

  test.each<[string, WalkEvent]>([
    ['it was lost on what was taken for a standby', failure(lost, { standby: true })],
    ['it ran on a primary that was replaced', failure(behindAfterRun)],
    ['it ran on a primary under a name that was probed as a standby', failure(behindAfterRun, { standby: true })],
  ])('nobody, once %s', (_, event) => {
    const [first] = admit(begun(READS), 0, false)
    const [ran] = nextStep(first, event)
    expect(admit(ran, 0, false)[1]).toBe('read-only')
    expect(admit(ran, 0, true)[1], 'another connection that has not heard of it').toBe('read-only')
  })

  test.each<[string, Evidence]>([
    ['before anything was sent', { kind: 'behind', error: behind }],
    ['by the word of a standby that has run it', { kind: 'behind', error: behind, mayHaveWritten: false }],
  ])('as before, if it was found behind %s', (_, evidence) => {
    for (const standby of [true, false]) {
      const [passed] = nextStep(begun(READS), failure(evidence, { standby }))
      expect(admit(passed, 0, false)[1]).toBe('as-is')
    }
  })

  test('nobody, once it is over', () => {
    const [over] = nextStep(hedged(), { kind: 'succeeded', leg: 0 })
    expect(admit(over, 1, true)[1]).toBe('no')
  })

  test.each<[string, WalkFacts]>([
    ['what is kept from writing', { reads: true, readOnly: true, harmless: false, mayCommitInside: false }],
    ['what leaves nothing behind', { reads: false, readOnly: false, harmless: true, mayCommitInside: false }],
  ])('%s runs anywhere', (_, facts) => {
    const [first] = admit(begun(facts), 0, false)
    expect(admit(first, 1, false)[1]).toBe('as-is')
  })
})
