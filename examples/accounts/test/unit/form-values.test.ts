import { expect, it } from 'vitest'
import { userInput } from '../../src/accounts/user-input.ts'
import { rejectedForm } from '../../src/web/form-values.ts'

it.each([
  [{ name: ' Ada ', age: 'x' }, { name: ' Ada ', age: 'x' }, ['age']],
  [{ name: '', age: '' }, { name: '', age: '' }, ['name', 'age']],
  [{}, { name: '', age: '' }, ['name', 'age']],
  [{ name: ['a', 'b'], age: '3' }, { name: '', age: '3' }, ['name']],
])('%j keeps what was typed', (sent, values, wrong) => {
  const { error } = userInput.safeParse(sent)
  if (!error) throw new Error('This form was meant to be refused.')
  const form = rejectedForm(sent, error)
  expect(form.values).toEqual(values)
  expect(Object.keys(form.errors)).toEqual(wrong)
})
