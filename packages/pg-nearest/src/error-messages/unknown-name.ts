import { OptionError } from '../errors.ts'
import { closestName } from './closest-name.ts'
import { redactName } from './redact-name.ts'

/** @throws OptionError for the first name that is not among these. */
export function checkNames(options: object, names: readonly string[]): void {
  const wrong = Object.keys(options).find((name) => !names.includes(name))
  if (wrong !== undefined) throw unknownName(wrong, names, `It takes ${names.join(', ')}.`)
}

/** What is said of an option that there is not, with the one that was meant, if one is near. */
export function unknownName(name: string, names: readonly string[], otherwise: string): OptionError {
  const closest = closestName(name, names)
  const hint = closest === undefined ? otherwise : `Did you mean ${closest}?`
  const shown = redactName(name)
  return new OptionError(shown === JSON.stringify(name) ? name : 'options', `There is no option ${shown}. ${hint}`)
}
