import { expect, test } from 'vitest'
import { createDemotions } from '../../src/monitor/demotions.ts'

const START = 1_800_000_000
const primary = {
  role: 'primary',
  machine: `${START}.5 10.0.0.1 5432`,
  dialledAt: 10,
  pooled: false,
  clockMs: (START + 60) * 1_000,
} as const
/** The same machine, restarted after it was heard as a primary. */
const restarted = { ...primary, role: 'replica', machine: `${START + 61} 10.0.0.1 5432`, dialledAt: 30 } as const

const NEVER = Number.POSITIVE_INFINITY
const afterPrimary = (answer: Parameters<ReturnType<typeof createDemotions>['heard']>[1], first = {}) => {
  const demotions = createDemotions()
  demotions.heard('name', { ...primary, ...first })
  demotions.heard('name', answer)
  return demotions.of('name')
}

test('what is dialled once the primary has restarted as a standby leads to another one, until it is a primary again', () => {
  const demotions = createDemotions()
  expect(demotions.of('name')).toMatchObject({ primary: undefined, primaryAt: 0, restartDialledAt: NEVER })
  demotions.heard('name', primary)
  const { primaryAt } = demotions.of('name')
  expect(primaryAt).toBeGreaterThan(0)
  expect(demotions.of('name')).toMatchObject({ primary: primary.machine, restartDialledAt: NEVER })
  demotions.heard('name', restarted)
  expect(demotions.of('name')).toMatchObject({ primary: primary.machine, primaryAt, restartDialledAt: 30 })
  demotions.heard('name', primary)
  expect(demotions.of('name').restartDialledAt).toBe(NEVER)
})

test.each([
  ['another machine', { ...restarted, machine: `${START + 61} 10.0.0.2 5432` }],
  [
    'another machine of the same address, which has run for long',
    { ...restarted, machine: `${START + 1} 10.0.0.1 5432` },
  ],
  ['one that does not tell its machine', { ...restarted, machine: undefined }],
  ['one behind a pooler', { ...restarted, pooled: true }],
])('the answer of a standby shows no restart: %s', (_, answer) => {
  expect(afterPrimary(answer).restartDialledAt).toBe(NEVER)
})

test.each([
  ['does not tell its machine', { machine: undefined }],
  ['is behind a pooler', { pooled: true }],
  ['does not tell its clock', { clockMs: undefined }],
])('nor does any, of a primary that %s', (_, first) => {
  expect(afterPrimary(restarted, first).restartDialledAt).toBe(NEVER)
})

test('of a server that has left nothing is known', () => {
  const demotions = createDemotions()
  demotions.heard('name', primary)
  demotions.forget('name')
  expect(demotions.of('name').primaryAt).toBe(0)
})
