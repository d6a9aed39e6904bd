import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { closestName } from '../error-messages/closest-name.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { isMode, MODES, type Mode } from './pool-mode.ts'
import type { ModeSetting, ParsedShare } from './mode-rollout.ts'

const NAMES = MODES.join(', ')

/** The variable by which an operator chooses the mode, whatever the program says. */
export const MODE_VARIABLE = 'PG_NEAREST_MODE'

/**
 * The mode that a pool begins in. The environment's counts more than the program's: it takes every session.
 *
 * @throws OptionError for a mode that is none, and for shares that cannot be used.
 */
export function initialModes(
  mode: unknown,
  shares: unknown,
  env: Readonly<Record<string, string | undefined>>,
): ModeSetting {
  const setting = { mode: parseMode(mode ?? 'normal', 'mode'), shares: parseShares(shares ?? {}) }
  const variable = env[MODE_VARIABLE]?.trim()
  if (variable === undefined || variable === '') return setting
  return { mode: parseMode(variable, MODE_VARIABLE), shares: [] }
}

/** @throws OptionError for what is no mode */
export function parseMode(value: unknown, option: string): Mode {
  if (isMode(value)) return value
  const closest = typeof value === 'string' ? closestName(value, MODES) : undefined
  const shown = typeof value === 'string' ? redactName(value) : describeValue(value)
  const hint = closest === undefined ? '' : ` Did you mean ${closest}?`
  throw new OptionError(option, `${option} must be one of ${NAMES}, but it is ${shown}.${hint}`)
}

/** @throws OptionError for what is no object of shares, or of more than all sessions. */
export function parseShares(value: unknown): readonly ParsedShare[] {
  if (!isPlainObject(value)) {
    throw new OptionError(
      'modes',
      `modes must be an object such as { observe: 0.1 }, but it is ${describeValue(value)}.`,
    )
  }
  checkNames(value, MODES)
  const shares = MODES.flatMap((mode): ParsedShare[] => {
    const given = value[mode]
    return given === undefined ? [] : [{ mode, ...parseShare(`modes.${mode}`, given) }]
  })
  const total = shares.reduce((sum, { share, routes }) => (routes === undefined ? sum + share : sum), 0)
  // A tenth ten times is a little more than one.
  if (total > 1 + 1e-9)
    throw new OptionError('modes', `The shares of modes are ${total} in all: they can be at most 1.`)
  return shares
}

function parseShare(option: string, given: unknown): Omit<ParsedShare, 'mode'> {
  if (typeof given === 'number') return { share: checkedShare(option, given), routes: undefined }
  if (!isPlainObject(given)) {
    const must = 'a share from 0 to 1, or an object such as { routes: ["GET /reports/:id"] }'
    throw new OptionError(option, `${option} must be ${must}, but it is ${describeValue(given)}.`)
  }
  checkNames(given, ['share', 'routes'])
  const { share, routes } = given
  if (share === undefined && routes === undefined) {
    throw new OptionError(option, `${option} needs a share, or routes, or both: { share: 0.1, routes: ["GET /"] }.`)
  }
  return {
    share: share === undefined ? 1 : checkedShare(`${option}.share`, share),
    routes: routes === undefined ? undefined : checkedRoutes(`${option}.routes`, routes),
  }
}

function checkedRoutes(option: string, routes: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(routes) ? routes : []
  const texts = names.filter((name) => typeof name === 'string' && name !== '')
  if (texts.length > 0 && texts.length === names.length) return texts as string[]
  throw new OptionError(option, `${option} must be a list of names, such as ["GET /reports/:id", "POST /cart*"].`)
}

function checkedShare(option: string, share: unknown): number {
  if (typeof share === 'number' && share >= 0 && share <= 1) return share
  const shown = typeof share === 'number' ? String(share) : describeValue(share)
  throw new OptionError(option, `${option} must be a number from 0 to 1, but it is ${shown}.`)
}
