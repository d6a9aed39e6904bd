import { expect, it } from 'vitest'
import { userInput } from '../../src/accounts/user-input.ts'
import { sampleUsers } from '../../src/database/sample-users.ts'

const many = sampleUsers(50_000)

it('never gives a name twice', () => {
  expect(new Set(many.map(({ name }) => name)).size).toBe(many.length)
})

it('starts with the same users, however many are asked for', () => {
  expect(many.slice(0, 100)).toEqual(sampleUsers(100))
})

it('gives users that the form would accept', () => {
  const typed = many.map(({ name, age }) => ({ name, age: String(age) }))
  expect(typed.map((sample) => userInput.safeParse(sample).data)).toEqual(many)
})
