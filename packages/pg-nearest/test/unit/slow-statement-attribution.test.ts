import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Blame } from '../../src/lanes/slow-statement-attribution.ts'

type Run = readonly [text: string, ms: number | undefined]

const LIMIT_MS = 20

/** '': nobody was slow. */
function blamed(reads: number, runs: readonly Run[]): string[] {
  const culprits: string[] = []
  const blame = new Blame(reads, {
    onCulprit: (text) => void culprits.push(text),
    onNobody: () => void culprits.push(''),
  })
  for (const [text, ms] of runs) blame.ran(text, ms, LIMIT_MS)
  return culprits
}

const SLOW = ['slow', 50] as const
const QUICK = ['quick', 1] as const
const UNSEEN = ['unseen', undefined] as const

test.each<[what: string, reads: number, runs: readonly Run[], culprits: readonly string[]]>([
  ['one was slow, the others quick', 3, [QUICK, QUICK, SLOW], ['slow']],
  ['one text was slow many times', 4, [SLOW, SLOW, SLOW, QUICK], ['slow']],
  ['all were slow: the machine is busy', 2, [SLOW, ['other', 50]], []],
  ['most texts were slow', 3, [SLOW, ['other', 50], QUICK], []],
  ['all took all kinds of times: the machine is busy', 3, [['quick', 18], QUICK, ['slow', 30]], []],
  ['one stands out where the others are late', 3, [['quick', 18], QUICK, SLOW], ['slow']],
  ['some were never heard of', 6, [QUICK, QUICK, QUICK, SLOW], ['slow']],
  ['too many were never heard of', 6, [QUICK, QUICK, SLOW], []],
  ['of one it was not seen', 3, [SLOW, UNSEEN, QUICK], ['slow']],
  ['nobody was slow', 2, [QUICK, QUICK], ['']],
  ['nobody was seen to be slow', 2, [QUICK, UNSEEN], ['']],
  ['nobody was slow so far', 3, [QUICK, QUICK], []],
])('%s', (_, reads, runs, culprits) => {
  expect(blamed(reads, runs)).toEqual(culprits)
})

test('who is told before all were heard is at fault whatever comes, and each is told once', () => {
  const texts = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  fc.assert(
    fc.property(fc.array(fc.tuple(texts, fc.constantFrom(50, 1, undefined))), fc.nat(100), (runs, cut) => {
      const all = blamed(runs.length, runs).filter((text) => text !== '')
      const slow = new Set(runs.filter(([, ms]) => ms === 50).map(([text]) => text))
      const quick = runs.filter(([, ms]) => ms === 1).length
      expect(new Set(all)).toEqual(quick >= slow.size ? slow : new Set())
      expect(new Set(all).size).toBe(all.length)
      for (const text of blamed(runs.length + 1, runs.slice(0, cut))) expect(all).toContain(text)
    }),
  )
})

test.each<[what: string, runs: readonly Run[], isSeldom: boolean]>([
  [
    'most of its own were quick',
    [
      ['a', 1],
      ['a', 1],
      ['a', 50],
    ],
    true,
  ],
  [
    'most of its own were slow',
    [
      ['a', 1],
      ['a', 50],
      ['a', 50],
    ],
    false,
  ],
  [
    'the others were quick',
    [
      ['b', 1],
      ['b', 1],
      ['a', 50],
    ],
    false,
  ],
])('it is told whether it is slow now and then: %s', (_, runs, isSeldom) => {
  const told: boolean[] = []
  const blame = new Blame(runs.length, { onCulprit: (_text, seldom) => told.push(seldom), onNobody() {} })
  for (const [text, ms] of runs) blame.ran(text, ms, LIMIT_MS)
  expect(told).toEqual([isSeldom])
})
