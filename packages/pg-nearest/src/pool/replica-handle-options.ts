import { closestName } from '../error-messages/closest-name.ts'
import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { NearestError, OptionError } from '../errors.ts'
import { checkNames } from '../error-messages/unknown-name.ts'

/** Options of `pool.replica`. */
export interface ReplicaOptions {
  /** A label of the servers to read from: see `labels` of a server's entry. */
  readonly label: string
}

/** @throws OptionError for what is neither a region nor an object with a label. */
export function parseReplicaOptions(which: unknown): { readonly region?: string; readonly label?: string } {
  // Environments and stores have null, too.
  if (which === undefined || which === null) return {}
  if (typeof which === 'string') return { region: which }
  if (!isPlainObject(which)) {
    const message = `replica() takes a region such as "ord", or { label }, but it got ${describeValue(which)}.`
    throw new OptionError('replica', message)
  }
  checkNames(which, ['label'])
  const { label } = which
  if (typeof label === 'string' && label !== '') return { label }
  throw new OptionError(
    'label',
    `label must be a label of the list, such as "reporting", but it is ${describeValue(label)}.`,
  )
}

export function unknownLabel(label: string, known: ReadonlySet<string>): NearestError {
  const closest = closestName(label, known)
  const there = known.size === 0 ? 'none has any' : `there are ${[...known].join(', ')}`
  const hint = closest === undefined ? '' : ` Did you mean ${closest}?`
  return new NearestError(
    'NEAREST_UNKNOWN_LABEL',
    `No server has the label ${redactName(label)}: ${there}.${hint} Add it to the "labels" of a server's entry.`,
  )
}
