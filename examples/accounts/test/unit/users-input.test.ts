import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { mostUsersAtOnce, parseUsers } from '../../src/accounts/users-input.ts'

it('reads one user from each line, and the age from behind the last comma', () => {
  expect(parseUsers('Ada Lovelace, 36\r\n\n  Hopper, Grace ,85  \n')).toEqual({
    users: [
      { name: 'Ada Lovelace', age: 36 },
      { name: 'Hopper, Grace', age: 85 },
    ],
  })
})

it.each([
  ['', 'Enter at least one user.'],
  [' \n\t\n', 'Enter at least one user.'],
  ['Ada, 36\nBob', 'Put a comma and an age behind “Bob”.'],
  ['Ada, 36\nBob,', '“Bob,”: Enter an age.'],
  [', 36', '“, 36”: Enter a name.'],
  ['Ada, old', '“Ada, old”: An age is a whole number, such as 36.'],
  ['Ada, 36\n'.repeat(mostUsersAtOnce + 1), `Enter at most ${mostUsersAtOnce} users at once.`],
])('refuses %j', (text, error) => {
  expect(parseUsers(text)).toEqual({ error })
})

it('finds users or a fault in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { users, error } = parseUsers(text)
      expect(users === undefined).toBe(error !== undefined)
    }),
  )
})
