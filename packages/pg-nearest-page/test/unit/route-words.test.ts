import { expect, test } from 'vitest'
import { proofWords } from '../../src/state/route-words.ts'

test.each([
  ['write', 'primary', true, /on the primary first/],
  ['lagging', 'primary', false, /on the primary first/],
  ['own-region', 'replica', true, /how far it has copied/],
  ['hedged', 'replica', true, /how far it has copied/],
  ['own-region', 'replica', false, /^None\. Sessions are off/],
  ['transaction', 'replica', true, /^When the transaction began/],
  ['transaction', 'replica', false, /^None\. Sessions are off/],
  ['unproven', 'replica', true, /^None\. No primary could be reached/],
  ['asked', 'replica', true, /^None was needed/],
  ['own-region', undefined, true, /how far it has copied/],
])('%s on a %s, sessions %s', (reason, role, sessions, words) => {
  expect(proofWords(reason, role, sessions)).toMatch(words)
})
