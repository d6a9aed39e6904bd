import { expect, test } from 'vitest'
import { createDemotions } from '../../src/monitor/demotions.ts'

const standby = { role: 'replica', dialledAt: 30, pooled: false } as const
const primary = { role: 'primary', dialledAt: 10, pooled: false } as const

test('what was dialled after a standby leads elsewhere, until the server says again that it is a primary', () => {
  const demotions = createDemotions()
  expect(demotions.of('name')).toEqual({ primaryAt: 0, standbyDialledAt: Infinity })
  demotions.heard('name', primary)
  const { primaryAt, standbyDialledAt } = demotions.of('name')
  expect(primaryAt).toBeGreaterThan(0)
  expect(standbyDialledAt).toBe(Infinity)
  demotions.heard('name', standby)
  expect(demotions.of('name')).toEqual({ primaryAt, standbyDialledAt: 30 })
  demotions.heard('name', primary)
  expect(demotions.of('name').standbyDialledAt).toBe(Infinity)
})

test('behind a pooler the order of dialling tells nothing, and of a server that has left nothing is known', () => {
  const demotions = createDemotions()
  demotions.heard('name', standby)
  demotions.heard('name', { ...standby, pooled: true })
  expect(demotions.of('name').standbyDialledAt).toBe(Infinity)
  demotions.heard('name', primary)
  demotions.forget('name')
  expect(demotions.of('name').primaryAt).toBe(0)
})
