import type pg from 'pg'
import { isNone } from '../wire/serialization-error.ts'
import { wasParsed } from './parsed-names.ts'

/** A statement with a name. */
interface Named {
  readonly config: pg.QueryConfig
}

/** A use of a name with a text. One server may refuse what another one takes, so that the answers say nothing before it has ended. */
interface Use {
  readonly config: pg.QueryConfig
  hasEnded: boolean
}

/** What has been given with one name. */
interface Given {
  /** What the server has taken first: pg takes no other one. */
  parsed: string | undefined
  /** As long as there is none: what has been given with a text, and was not refused. */
  inDoubt: readonly Use[]
}

/**
 * The texts that the statements of a client mean by their names, on whatever connection: pg knows of each connection by itself. What a name means is
 * decided when its turn comes, because what was given ahead of it may fail.
 */
export class NamedTexts {
  readonly #byName = new Map<string, Given>()
  /** Of a name that was given alone: how, and what was in doubt ahead of it. */
  readonly #alone = new WeakMap<pg.QueryConfig, { readonly config: pg.QueryConfig; readonly ahead: readonly Use[] }>()

  /** A statement with a name is given. With its name alone it gets the text that this seems to mean. */
  given<R extends Named>(request: R): R {
    // The caller may give the same object again, and what is noted is of one use.
    const config = { ...request.config }
    const given = this.#of(config.name as string)
    if (!isNone(config.text)) {
      // What is no text cannot be sent, which shows in its turn.
      if (typeof config.text !== 'string' || given.parsed !== undefined) return request
      given.inDoubt = [...given.inDoubt, { config, hasEnded: false }]
      return { ...request, config }
    }
    const text = given.parsed ?? given.inDoubt.at(-1)?.config.text ?? config.text
    const guessed = { ...config, text } as pg.QueryConfig
    this.#alone.set(guessed, { config, ahead: given.inDoubt })
    return { ...request, config: guessed }
  }

  /**
   * What it is now that all ahead of it has ended.
   *
   * @throws what pg says where the name has another text.
   */
  inTurn<R extends Named>(request: R): R {
    const { config } = request
    const given = this.#of(config.name as string)
    const alone = this.#alone.get(config)
    if (alone === undefined) {
      if (given.parsed && config.text && config.text !== given.parsed) throw notUnique(config.name)
      return request
    }
    const text = given.parsed ?? textInDoubt(alone.ahead) ?? alone.config.text
    if (text === config.text) return request
    return { ...request, config: { ...config, text } as pg.QueryConfig }
  }

  /** It is sent no more: what its last connection has answered holds. */
  ended({ config }: Named): void {
    const use = this.#byName.get(config.name as string)?.inDoubt.find((each) => each.config === config)
    if (use !== undefined) use.hasEnded = true
  }

  #of(name: string): Given {
    let given = this.#byName.get(name)
    if (given === undefined) this.#byName.set(name, (given = { parsed: undefined, inDoubt: [] }))
    given.parsed ??= given.inDoubt.find((each) => outcomeOf(each) === true)?.config.text
    given.inDoubt = given.parsed === undefined ? given.inDoubt.filter((each) => outcomeOf(each) !== false) : []
    return given
  }
}

/** Whether its text is what the name means; `undefined`: nobody knows, or not yet. */
function outcomeOf({ config, hasEnded }: Use): boolean | undefined {
  return hasEnded ? wasParsed(config) : undefined
}

function textInDoubt(uses: readonly Use[]): string | undefined {
  return uses.findLast((each) => outcomeOf(each) === undefined)?.config.text
}

function notUnique(name: string | undefined): Error {
  return new Error(`Prepared statements must be unique - '${name}' was used for a different statement`)
}
