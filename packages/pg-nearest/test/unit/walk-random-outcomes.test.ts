import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { WalkFacts } from '../../src/walk-states/walk-state.ts'
import { WalkModel, type WalkProgram } from './walk-model.ts'

/** The long lane sets it to 100,000. */
const PROPERTY_RUNS = Number(process.env['PROPERTY_RUNS'] ?? 20_000)

const anyFacts: fc.Arbitrary<WalkFacts> = fc.constantFrom(
  { reads: true, readOnly: false, harmless: false, mayCommitInside: false },
  { reads: false, readOnly: false, harmless: false, mayCommitInside: false },
  { reads: true, readOnly: true, harmless: false, mayCommitInside: false },
  { reads: false, readOnly: true, harmless: false, mayCommitInside: false },
  { reads: false, readOnly: false, harmless: true, mayCommitInside: false },
  { reads: false, readOnly: false, harmless: false, mayCommitInside: true },
)
const anyProgram: fc.Arbitrary<WalkProgram> = fc
  .record({
    facts: anyFacts,
    servers: fc.integer({ min: 1, max: 4 }),
    hedged: fc.boolean(),
    mayBeCut: fc.boolean(),
    choices: fc.array(fc.nat(999), { minLength: 1, maxLength: 40 }),
  })
  // As the walk has it: only what reads is hedged.
  .filter(({ hedged, facts }) => facts.reads || !hedged)

function modelOf(program: WalkProgram): WalkModel {
  const model = new WalkModel(program)
  model.run()
  return model
}

describe('a statement with random outcomes, interleavings and limits', () => {
  test('ends once, is never twice where it could write, and takes the first definite answer', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const { violations } = modelOf(program)
        if (violations.length > 0) throw new Error(violations.join('; '))
      }),
      { numRuns: PROPERTY_RUNS },
    )
  }, 600_000)

  test('is told as unknown wherever it may have written and has no result', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const { unsaid } = modelOf(program)
        if (unsaid !== undefined) throw new Error(`It may have written, and is told as: ${unsaid}`)
      }),
      { numRuns: PROPERTY_RUNS },
    )
  }, 600_000)
})
