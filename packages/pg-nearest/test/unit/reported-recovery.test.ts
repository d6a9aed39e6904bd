import { describe, expect, test } from 'vitest'
import { isInRecovery, provesRecovery } from '../../src/topology/reported-recovery.ts'

const [ON, OFF] = [true, false]
const [DIRECT, POOLED] = [false, true]
const [INTRODUCED, NEW] = [true, false]

describe('whether the server behind a connection', () => {
  test.each([
    ['that says so', ON, INTRODUCED, DIRECT, 'unknown', true],
    ['that says so, and is the primary by a later probe', ON, INTRODUCED, DIRECT, 'primary', false],
    ['that says so, and may not be the one that was probed', ON, NEW, DIRECT, 'primary', true],
    ['that says otherwise', OFF, INTRODUCED, DIRECT, 'replica', false],
    ['before PostgreSQL 14', undefined, INTRODUCED, DIRECT, 'replica', true],
    ['that nobody has asked', undefined, INTRODUCED, DIRECT, 'unknown', false],
    ['of a pooler whose former server said otherwise', OFF, INTRODUCED, POOLED, 'replica', true],
    ['of a pooler whose former server said so', ON, INTRODUCED, POOLED, 'primary', false],
    ['of a pooler that was not probed yet', ON, INTRODUCED, POOLED, 'unknown', true],
  ] as const)('counts as in recovery: one %s', (_, said, introduced, pooled, probed, expected) => {
    expect(isInRecovery(said, introduced, pooled, probed)).toBe(expected)
  })

  test.each([
    ['that says so', ON, DIRECT, 'm', 'replica', 'replica', true],
    ['that says so, and has told nothing else', ON, DIRECT, undefined, 'unknown', 'unknown', true],
    ['that says so, and is the primary by a later probe', ON, DIRECT, 'm', 'primary', 'primary', false],
    ['that says so, though its name leads to the primary', ON, DIRECT, 'm', 'unknown', 'primary', false],
    ['before PostgreSQL 14', undefined, DIRECT, 'm', 'replica', 'replica', false],
    ['of a pooler, which may lead to the primary since', ON, POOLED, undefined, 'replica', 'replica', false],
  ] as const)('proves to be in recovery: one %s', (_, said, pooled, machine, probed, ofName, expected) => {
    const probes = { probedRole: (asked: string | undefined) => (asked === undefined ? ofName : probed) }
    expect(provesRecovery(said, pooled, machine, probes)).toBe(expected)
  })
})
