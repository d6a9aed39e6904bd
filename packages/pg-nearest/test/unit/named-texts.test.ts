import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { NamedTexts } from '../../src/prepared-statements/named-texts.ts'
import { noteAnswered, noteParsed, wasParsed } from '../../src/prepared-statements/parsed-names.ts'

/** How what was given has ended when the next one's turn comes: parsed, refused ahead of that, or lost. */
type Ending = 'parsed' | 'refused' | 'lost'

const config = (text?: string) => ({ name: 'a', text }) as pg.QueryConfig
const NOT_UNIQUE = "Prepared statements must be unique - 'a' was used for a different statement"

describe('what a name means', () => {
  test.each<{ ahead: readonly [text: string, ending: Ending][]; guess: string | undefined; text: string | undefined }>([
    { ahead: [], guess: undefined, text: undefined },
    { ahead: [['one', 'parsed']], guess: 'one', text: 'one' },
    { ahead: [['one', 'refused']], guess: 'one', text: undefined },
    { ahead: [['one', 'lost']], guess: 'one', text: 'one' },
    {
      ahead: [
        ['one', 'parsed'],
        ['two', 'refused'],
      ],
      guess: 'two',
      text: 'one',
    },
    {
      ahead: [
        ['one', 'refused'],
        ['two', 'parsed'],
      ],
      guess: 'two',
      text: 'two',
    },
    {
      ahead: [
        ['one', 'lost'],
        ['two', 'parsed'],
      ],
      guess: 'two',
      text: 'two',
    },
    {
      ahead: [
        ['one', 'lost'],
        ['two', 'refused'],
      ],
      guess: 'two',
      text: 'one',
    },
  ])('behind $ahead: $text', ({ ahead, guess, text }) => {
    const names = new NamedTexts()
    const given = ahead.map(([each]) => names.given({ config: config(each) }))
    const alone = names.given({ config: config() })
    expect(alone.config.text, 'as long as nothing has ended').toBe(guess)
    // What comes behind it is not meant.
    names.given({ config: config('three') })
    for (const [i, [, ending]] of ahead.entries())
      if (ending !== 'lost') noteParsed(given[i]?.config ?? config(), ending === 'parsed')
    expect(names.inTurn(alone).config.text).toBe(text)
  })

  test.each<{ ending: Ending; text: string; error: string | undefined }>([
    { ending: 'parsed', text: 'two', error: NOT_UNIQUE },
    { ending: 'parsed', text: 'one', error: undefined },
    { ending: 'refused', text: 'two', error: undefined },
    { ending: 'lost', text: 'two', error: undefined },
  ])('$text behind one that was $ending', ({ ending, text, error }) => {
    const names = new NamedTexts()
    const one = names.given({ config: config('one') })
    const next = names.given({ config: config(text) })
    if (ending !== 'lost') noteParsed(one.config, ending === 'parsed')
    if (error === undefined) expect(names.inTurn(next)).toBe(next)
    else expect(() => names.inTurn(next)).toThrow(error)
  })

  test('one object given again is another use', () => {
    const names = new NamedTexts()
    const again = { config: config('one') }
    noteParsed(names.given(again).config, false)
    noteParsed(names.given(again).config, true)
    expect(names.inTurn(names.given({ config: config() })).config.text).toBe('one')
  })
})

test.each<{ name: string; parsed: Record<string, string>; expected: boolean }>([
  { name: 'that was parsed', parsed: { a: 'one' }, expected: true },
  { name: 'that was skipped', parsed: {}, expected: false },
])('a statement $name', ({ parsed, expected }) => {
  const submitted = expected ? {} : { a: 'one', b: 'two' }
  const given = config('one')
  expect(wasParsed(given)).toBeUndefined()
  noteAnswered(given, { parsedStatements: parsed, submittedNamedStatements: submitted })
  expect(wasParsed(given)).toBe(expected)
  expect(submitted).toEqual(expected ? {} : { b: 'two' })
  noteAnswered(given, { parsedStatements: parsed })
})
