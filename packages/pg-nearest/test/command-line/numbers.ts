import { randomInt } from 'node:crypto'
import { UsageError } from './usage-error.ts'

export function positiveNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${name} takes a number greater than 0.`)
}

export function wholeNumber(name: string, text: string, least = 1): number {
  const value = Number(text)
  if (/^\d/.test(text) && Number.isInteger(value) && value >= least && value < 2 ** 32) return value
  throw new UsageError(`--${name} takes a whole number of at least ${least} and below 4294967296.`)
}

/** Any, if none is given. */
export function seedNumber(text: string | undefined): number {
  return text === undefined ? randomInt(2 ** 31) : wholeNumber('seed', text, 0)
}
