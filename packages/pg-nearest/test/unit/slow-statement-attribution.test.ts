import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Blame } from '../../src/lanes/slow-statement-attribution.ts'

type Run = readonly [text: string, isSlow: boolean | undefined]

/** '': nobody was slow. */
function blamed(reads: number, runs: readonly Run[]): string[] {
  const culprits: string[] = []
  const blame = new Blame(reads, {
    onCulprit: (text) => void culprits.push(text),
    onNobody: () => void culprits.push(''),
  })
  for (const [text, isSlow] of runs) blame.ran(text, isSlow)
  return culprits
}

const SLOW = ['slow', true] as const
const QUICK = ['quick', false] as const
const UNSEEN = ['unseen', undefined] as const

test.each<[what: string, reads: number, runs: readonly Run[], culprits: readonly string[]]>([
  ['one was slow, the others quick', 3, [QUICK, QUICK, SLOW], ['slow']],
  ['one text was slow many times', 4, [SLOW, SLOW, SLOW, QUICK], ['slow']],
  ['all were slow: the machine is busy', 2, [SLOW, ['other', true]], []],
  ['most texts were slow', 3, [SLOW, ['other', true], QUICK], []],
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
    fc.property(fc.array(fc.tuple(texts, fc.constantFrom(true, false, undefined))), fc.nat(100), (runs, cut) => {
      const all = blamed(runs.length, runs).filter((text) => text !== '')
      const slow = new Set(runs.filter(([, isSlow]) => isSlow === true).map(([text]) => text))
      const quick = runs.filter(([, isSlow]) => isSlow === false).length
      expect(new Set(all)).toEqual(quick >= slow.size ? slow : new Set())
      expect(new Set(all).size).toBe(all.length)
      for (const text of blamed(runs.length + 1, runs.slice(0, cut))) expect(all).toContain(text)
    }),
  )
})
