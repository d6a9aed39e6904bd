import type pg from 'pg'
import { expect, test } from 'vitest'
import { PreparedProbe } from '../../src/probe/prepared-probe.ts'
import { preparedQuestion, preparingQuestion, probeQuestion, type ProbeItem } from '../../src/probe/probe-question.ts'

const ALL = new Map<ProbeItem, string>()
const SOME = new Map<ProbeItem, string>([['walFile', '42501']])
const [ONE, ANOTHER] = [{}, {}] as pg.Client[] as [pg.Client, pg.Client]

function asked(naming: PreparedProbe, client: pg.Client, refused = ALL, direct = true): string {
  const text = naming.textFor(client, refused)
  naming.answered(direct)
  return text
}

test('what was answered once by the connection’s own process is asked under a name from then on', () => {
  const naming = new PreparedProbe()
  const texts = Array.from({ length: 4 }, () => asked(naming, ONE))
  expect(texts).toEqual([probeQuestion(ALL), preparingQuestion(ALL), preparedQuestion(ALL), preparedQuestion(ALL)])
})

test('each connection, and each question, begins anew', () => {
  const naming = new PreparedProbe()
  for (let i = 0; i < 3; i++) asked(naming, ONE)
  expect(asked(naming, ONE, SOME)).toBe(probeQuestion(SOME))
  expect(asked(naming, ONE, SOME)).toBe(preparingQuestion(SOME))
  expect(asked(naming, ONE, ALL)).toBe(preparedQuestion(ALL))
  expect(asked(naming, ANOTHER, ALL)).toBe(probeQuestion(ALL))
})

test('behind a pooler it never has a name, even if its process has answered once by chance', () => {
  const naming = new PreparedProbe()
  asked(naming, ONE, ALL, true)
  naming.textFor(ONE, ALL)
  naming.answered(false)
  expect([asked(naming, ONE), asked(naming, ONE)]).toEqual([probeQuestion(ALL), probeQuestion(ALL)])
})

test('what is refused under a name is asked without one, and only then counts as refused', () => {
  const naming = new PreparedProbe()
  for (let i = 0; i < 3; i++) asked(naming, ONE)
  naming.textFor(ONE, ALL)
  expect(naming.refused()).toBe(true)
  expect(naming.textFor(ONE, ALL)).toBe(probeQuestion(ALL))
  expect(naming.refused()).toBe(false)
})

test.each([1, 2, 3])(
  'where a name has not been answered at all, the next connection is asked without any',
  (answers) => {
    const naming = new PreparedProbe()
    for (let i = 0; i < answers; i++) asked(naming, ONE)
    expect(naming.textFor(ONE, ALL)).not.toBe(probeQuestion(ALL))
    for (let i = 0; i < 3; i++) expect(asked(naming, ANOTHER)).toBe(probeQuestion(ALL))
  },
)

test('nor is it where a name was refused, and nothing else was answered', () => {
  const naming = new PreparedProbe()
  asked(naming, ONE)
  naming.textFor(ONE, ALL)
  naming.refused()
  naming.textFor(ONE, ALL)
  for (let i = 0; i < 3; i++) expect(asked(naming, ANOTHER)).toBe(probeQuestion(ALL))
})

test('but not where it was the question without a name, or the connection ended behind its answer', () => {
  const naming = new PreparedProbe()
  naming.textFor(ONE, ALL)
  for (let i = 0; i < 3; i++) asked(naming, ANOTHER)
  expect([asked(naming, ONE), asked(naming, ONE)]).toEqual([probeQuestion(ALL), preparingQuestion(ALL)])
})
