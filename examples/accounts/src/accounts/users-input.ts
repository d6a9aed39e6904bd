import { userInput } from './user-input.ts'
import type { UserInput } from './user-input.ts'

/** Several users as a person writes them down, or what is wrong with the first line that cannot be read. */
export type UsersInput =
  | { readonly users: readonly UserInput[]; readonly error?: undefined }
  | { readonly users?: undefined; readonly error: string }

export const mostUsersAtOnce = 20

/** Reads a text with one user on each line: `Ada Lovelace, 36`. The age stands behind the last comma. */
export const parseUsers = (text: string): UsersInput => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length === 0) return { error: 'Enter at least one user.' }
  if (lines.length > mostUsersAtOnce) return { error: `Enter at most ${mostUsersAtOnce} users at once.` }
  const users: UserInput[] = []
  for (const line of lines) {
    const comma = line.lastIndexOf(',')
    if (comma < 0) return { error: `Put a comma and an age behind “${line.trim()}”.` }
    const { data, error } = userInput.safeParse({ name: line.slice(0, comma), age: line.slice(comma + 1) })
    if (data === undefined) return { error: `“${line.trim()}”: ${error.issues[0]?.message}` }
    users.push(data)
  }
  return { users }
}
