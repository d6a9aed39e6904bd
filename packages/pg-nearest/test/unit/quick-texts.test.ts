import { expect, test } from 'vitest'
import { QuickTexts } from '../../src/lanes/quick-texts.ts'
import { PatienceLimit } from '../../src/lanes/patience-limit.ts'

const TEXT = 'select 1'

function known(...slow: boolean[]): QuickTexts {
  const texts = new QuickTexts(() => 0)
  for (const each of slow) texts.ran(TEXT, each)
  return texts
}

test('a text has a connection to itself until it was seen to be quick', () => {
  expect(known().mayShare(TEXT)).toBe(false)
  expect(known(false).mayShare(TEXT)).toBe(false)
  expect(known(false, false).mayShare(TEXT)).toBe(true)
})

test('one that is slow now and then comes in seldom', () => {
  const texts = known(false, false, true)
  const comesIn = Array.from({ length: 1_024 }, () => texts.mayShare(TEXT)).filter(Boolean)
  expect(comesIn).toHaveLength(2)
})

test('one that is slow never does', () => {
  const texts = known(...Array.from({ length: 10 }, () => true))
  expect(Array.from({ length: 1_024 }, () => texts.mayShare(TEXT))).not.toContain(true)
})

test('one that held up others stays away for a while, however often it runs, and longer if it soon does it again', () => {
  let now = 0
  const texts = new QuickTexts(() => now)
  for (let i = 0; i < 2; i++) texts.ran(TEXT, false)
  const secondsApart = (): number => {
    const from = now
    texts.keepApart(TEXT)
    for (; !texts.mayShare(TEXT); now += 1_000) for (let i = 0; i < 100; i++) texts.ran(TEXT, false)
    return (now - from) / 1_000
  }
  expect([secondsApart(), secondsApart(), secondsApart()]).toEqual([1, 4, 16])
})

test('one that was slow for once among quick runs of its own stays away no longer the next time', () => {
  let now = 0
  const texts = new QuickTexts(() => now)
  for (let i = 0; i < 2; i++) texts.ran(TEXT, false)
  const secondsApart = (isSeldom: boolean): number => {
    const from = now
    texts.keepApart(TEXT, isSeldom)
    for (; !texts.mayShare(TEXT); now += 1_000);
    return (now - from) / 1_000
  }
  expect([true, true, true, false, false].map(secondsApart)).toEqual([1, 1, 1, 4, 16])
})

test('its time away is not cut short by that', () => {
  let now = 0
  const texts = new QuickTexts(() => now)
  for (let i = 0; i < 2; i++) texts.ran(TEXT, false)
  for (let i = 0; i < 2; i++) {
    texts.keepApart(TEXT)
    now += 1_000
  }
  texts.keepApart(TEXT)
  now += 1_000
  texts.keepApart(TEXT, true)
  now += 2_900
  expect(texts.mayShare(TEXT)).toBe(false)
})

test('patience follows the distance, and what is typical', () => {
  const limit = new PatienceLimit()
  for (let i = 0; i < 100; i++) limit.note(1)
  expect(limit.ms).toBeCloseTo(21.5, 0)
  for (let i = 0; i < 1_000; i++) limit.note(101)
  expect(limit.ms).toBeGreaterThan(500)
  const far = new PatienceLimit()
  for (let i = 0; i < 100; i++) far.note(100)
  expect(far.ms).toBeCloseTo(170, 0)
})
