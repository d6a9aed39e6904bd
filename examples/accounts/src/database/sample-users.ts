import type { UserInput } from '../accounts/user-input.ts'

const firstNames = [
  'Ada', 'Akira', 'Amara', 'Anna', 'Aroha', 'Astrid', 'Beatriz', 'Chidi', 'Chloé', 'Daan', 'Dilnoza', 'Elif', 'Emeka',
  'Femke', 'Fatima', 'Grace', 'Hana', 'Haruto', 'Ines', 'Ivan', 'Jack', 'Jasmine', 'Kaito', 'Kwame', 'Leila', 'Lucía',
  'Malik', 'Maren', 'Matilda', 'Mei', 'Nadia', 'Noah', 'Olga', 'Omar', 'Priya', 'Rosa', 'Sanne', 'Sven', 'Yuki',
] // prettier-ignore

const lastNames = [
  'Abe', 'Adeyemi', 'Andersen', 'Baker', 'Bakker', 'Castillo', 'Chen', 'de Vries', 'Demir', 'Dubois', 'Eze', 'Fischer',
  'Garcia', 'Haddad', 'Hansen', 'Hopper', 'Ito', 'Ivanova', 'Jansen', 'Jones', 'Kaur', 'Kelly', 'Kimura', 'Lovelace',
  'Martin', 'Mensah', 'Moreau', 'Ngata', 'Novak', "O'Brien", 'Okafor', 'Petrov', 'Rossi', 'Sato', 'Silva', 'Singh',
  'Tanaka', 'Visser', 'Williams', 'Yamada', 'Zhang',
] // prettier-ignore

/** The first so many of an endless list of plausible users; always the same ones, and no two with the same name. */
export const sampleUsers = (count: number): readonly UserInput[] =>
  Array.from({ length: count }, (_, index) => sampleUser(index))

const names = firstNames.length * lastNames.length

const sampleUser = (index: number): UserInput => {
  // 39 and 41 have no common factor, so both lists advance at once and every pair comes up before one comes twice.
  const first = pick(firstNames, index)
  const last = pick(lastNames, index)
  const middle = initials(Math.floor(index / names))
  return { name: [first, ...middle, last].join(' '), age: 18 + ((index * 37) % 71) }
}

const pick = (list: readonly string[], index: number): string => {
  const item = list[index % list.length]
  if (item === undefined) throw new Error('The list is empty.')
  return item
}

/** 0 is nothing, 1 is `A.`, 26 is `Z.`, 27 is `A. A.` and so on. */
const initials = (number: number): readonly string[] => {
  if (number === 0) return []
  const letter = (number - 1) % 26
  return [...initials(Math.floor((number - 1) / 26)), `${String.fromCodePoint(65 + letter)}.`]
}
