import { expect, test } from 'vitest'
import spec from '../../../packages/pg-nearest/spec/classification.json' with { type: 'json' }
import { verdictOn } from '../../.vitepress/theme/verdict.ts'

const cases = spec.sections.flatMap((section) => section.cases)

test('the class of every text in spec/classification.json, and a route, a reason and a sentence', () => {
  for (const { text, class: wanted } of cases) {
    const verdict = verdictOn(text)
    expect({ text, class: verdict.class }).toEqual({ text, class: wanted })
    expect(verdict.route).toMatch(wanted === 'read' ? /^the replica/ : /primary$|^the replica/)
    expect(verdict.why).toMatch(/\.$/)
  }
})

test.each([
  ['select 1', undefined],
  ['select * from t for update', 'for update'],
  ['with x as (select 1), y as (delete from t returning *) table y', 'delete'],
  ["select 1, nextval('s')", 'nextval()'],
  ['select * from pg_locks', 'pg_locks'],
  ['select last_value from s', 'last_value'],
  ['select pg_advisory_lock(1)', 'pg_advisory_lock()'],
  ['listen news', 'listen'],
  ['vacuum', 'vacuum'],
  ['commit', 'commit'],
  ["select 'open", undefined],
])('%s is decided by %s', (text, because) => {
  expect(verdictOn(text).because).toBe(because)
})

test('a name without end is cut', () => {
  expect(verdictOn(`${'x'.repeat(1_000_000)} y`).because?.length).toBeLessThan(100)
})
