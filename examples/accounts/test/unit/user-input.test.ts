import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { userInput } from '../../src/accounts/user-input.ts'

const messages = (sent: unknown): Record<string, string[]> => {
  const result = userInput.safeParse(sent)
  if (result.success) return {}
  const found: Record<string, string[]> = {}
  for (const { path, message } of result.error.issues) (found[String(path[0])] ??= []).push(message)
  return found
}

describe('what is accepted', () => {
  it.each([
    [
      { name: 'Ada', age: '36' },
      { name: 'Ada', age: 36 },
    ],
    [
      { name: '  Grace Hopper ', age: ' 85 ' },
      { name: 'Grace Hopper', age: 85 },
    ],
    [
      { name: "O'Brien <b>&amp;", age: '0' },
      { name: "O'Brien <b>&amp;", age: 0 },
    ],
    [
      { name: '李小龍 👩‍🚀', age: '150' },
      { name: '李小龍 👩‍🚀', age: 150 },
    ],
    [
      { name: 'x'.repeat(160), age: '007' },
      { name: 'x'.repeat(160), age: 7 },
    ],
    [
      { name: 'Ada', age: '36', id: '1', admin: 'true' },
      { name: 'Ada', age: 36 },
    ],
  ])('%j', (sent, input) => {
    expect(userInput.parse(sent)).toEqual(input)
  })
})

describe('what is refused, with one message a field', () => {
  it.each([
    [{}, { name: ['Enter a name.'], age: ['Enter an age.'] }],
    [
      { name: '', age: '' },
      { name: ['Enter a name.'], age: ['Enter an age.'] },
    ],
    [{ name: ' \t ', age: '36' }, { name: ['Enter a name.'] }],
    [{ name: 'x'.repeat(161), age: '36' }, { name: ['A name can have at most 160 characters.'] }],
    [{ name: 'A\u0000da', age: '36' }, { name: ['A name cannot contain control characters.'] }],
    [{ name: 'Ada\nLovelace', age: '36' }, { name: ['A name cannot contain control characters.'] }],
    [{ name: ['Ada', 'Grace'], age: '36' }, { name: ['Enter a name.'] }],
    [{ name: new File(['x'], 'ada.txt'), age: '36' }, { name: ['Enter a name.'] }],
    [{ name: 'Ada', age: 'old' }, { age: ['An age is a whole number, such as 36.'] }],
    [{ name: 'Ada', age: '36.5' }, { age: ['An age is a whole number, such as 36.'] }],
    [{ name: 'Ada', age: '1e2' }, { age: ['An age is a whole number, such as 36.'] }],
    [{ name: 'Ada', age: '٣٦' }, { age: ['An age is a whole number, such as 36.'] }],
    [{ name: 'Ada', age: '-1' }, { age: ['An age is at least 0.'] }],
    [{ name: 'Ada', age: '151' }, { age: ['An age is at most 150.'] }],
    [{ name: 'Ada', age: '9'.repeat(400) }, { age: ['An age is at most 150.'] }],
    [{ name: 'Ada', age: `-${'9'.repeat(400)}` }, { age: ['An age is at least 0.'] }],
  ])('%j', (sent, expected) => {
    expect(messages(sent)).toEqual(expected)
  })
})

it('accepts nothing that the table could not hold, whatever is sent', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.integer({ min: -500, max: 500 }).map(String))
  fc.assert(
    fc.property(fc.record({ name: fc.anything(), age: fc.anything() }), (sent) => {
      userInput.safeParse(sent)
    }),
  )
  fc.assert(
    fc.property(fc.record({ name: text, age: text }), (sent) => {
      const result = userInput.safeParse(sent)
      if (!result.success) return
      const { name, age } = result.data
      expect(name).toBe(name.trim())
      expect(name.length).toBeGreaterThan(0)
      expect(name).not.toContain('\u0000')
      expect(Number.isInteger(age) && age >= 0 && age <= 150).toBe(true)
    }),
  )
})
