import type pg from 'pg'
import { wasParsed } from './parsed-names.ts'

/** A statement with a name. */
interface Named {
  readonly config: pg.QueryConfig
}

/** What has been given with one name. */
interface Given {
  /** What the server has taken first: pg takes no other one. */
  parsed: string | undefined
  /** As long as there is none: what has been given with a text, and was not refused. */
  inDoubt: readonly pg.QueryConfig[]
}

/**
 * The texts that the statements of a client mean by their names, on whatever connection: pg knows of each connection by itself. What a name means is
 * decided when its turn comes, because what was given ahead of it may fail.
 */
export class NamedTexts {
  readonly #byName = new Map<string, Given>()
  /** What was in doubt ahead of a name that was given alone. */
  readonly #ahead = new WeakMap<pg.QueryConfig, readonly pg.QueryConfig[]>()

  /** A statement with a name is given. With its name alone it gets the text that this seems to mean. */
  given<R extends Named>(request: R): R {
    // The caller may give the same object again, and what is noted is of one use.
    const config = { ...request.config }
    const given = this.#of(config.name as string)
    if (typeof config.text === 'string') {
      if (given.parsed !== undefined) return request
      given.inDoubt = [...given.inDoubt, config]
      return { ...request, config }
    }
    const text = given.parsed ?? given.inDoubt.at(-1)?.text
    const guessed = { ...config, text } as pg.QueryConfig
    this.#ahead.set(guessed, given.inDoubt)
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
    const ahead = this.#ahead.get(config)
    if (ahead === undefined) {
      if (given.parsed && config.text && config.text !== given.parsed) throw notUnique(config.name)
      return request
    }
    const text = given.parsed ?? ahead.findLast((each) => wasParsed(each) === undefined)?.text
    if (text === config.text) return request
    return { ...request, config: { ...config, text } as pg.QueryConfig }
  }

  #of(name: string): Given {
    let given = this.#byName.get(name)
    if (given === undefined) this.#byName.set(name, (given = { parsed: undefined, inDoubt: [] }))
    given.parsed ??= given.inDoubt.find((each) => wasParsed(each) === true)?.text
    given.inDoubt = given.parsed === undefined ? given.inDoubt.filter((each) => wasParsed(each) !== false) : []
    return given
  }
}

function notUnique(name: string | undefined): Error {
  return new Error(`Prepared statements must be unique - '${name}' was used for a different statement`)
}
