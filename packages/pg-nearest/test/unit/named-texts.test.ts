import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { NamedTexts } from '../../src/prepared-statements/named-texts.ts'
import { noteAnswered, noteParsed, noteWritten, wasParsed } from '../../src/prepared-statements/parsed-names.ts'

/** How what was given has ended when the next one's turn comes: parsed, refused ahead of that, or lost. */
type Ending = 'parsed' | 'refused' | 'lost'

const config = (text?: string) => ({ name: 'a', text }) as pg.QueryConfig
const NOT_UNIQUE = "Prepared statements must be unique - 'a' was used for a different statement"

function end(names: NamedTexts, given: { readonly config: pg.QueryConfig }, ending: Ending): void {
  noteWritten(given.config)
  if (ending !== 'lost') noteParsed(given.config, ending === 'parsed')
  names.ended(given)
}

describe('what a name means', () => {
  test.each<{ endings: readonly Ending[]; text: string | undefined }>([
    { endings: ['refused', 'parsed'], text: 'one' },
    { endings: ['refused', 'refused'], text: undefined },
    { endings: ['refused', 'lost'], text: 'one' },
    { endings: ['parsed', 'refused'], text: undefined },
  ])('of a statement that is $endings, by one server after the other: $text', ({ endings, text }) => {
    const names = new NamedTexts()
    const one = names.given({ config: config('one') })
    const others = endings.map((ending) => {
      noteWritten(one.config)
      if (ending !== 'lost') noteParsed(one.config, ending === 'parsed')
      return names.given({ config: config() })
    })
    expect(others.map((each) => each.config.text)).toEqual(['one', 'one'])
    names.ended(one)
    for (const each of [...others, names.given({ config: config() })]) expect(names.inTurn(each).config.text).toBe(text)
  })

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
    for (const [i, [, ending]] of ahead.entries()) end(names, given[i] ?? { config: config() }, ending)
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
    end(names, one, ending)
    if (error === undefined) expect(names.inTurn(next)).toBe(next)
    else expect(() => names.inTurn(next)).toThrow(error)
  })

  test('one object given again is another use', () => {
    const names = new NamedTexts()
    const again = { config: config('one') }
    end(names, names.given(again), 'refused')
    end(names, names.given(again), 'parsed')
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
