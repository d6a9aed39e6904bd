import { createHash } from 'node:crypto'
import { TextCache } from '../statement/text-keyed-cache.ts'
import { SlowPlanPenalties } from './slow-plan-penalties.ts'
import type { Field } from '../wire/pg-internals.ts'

/** A text under its name on one connection, and the rows that it gave. */
export interface PreparedStatement {
  readonly text: string
  /** Empty: it has none. */
  readonly name: string
  /** The same for a message: it ends with NUL. */
  readonly encodedName: Buffer
  /** The server has it, or will have it when it has come so far. */
  parsed: boolean
  parsedAt: number
  description: { readonly bytes: Buffer; readonly fields: readonly Field[] } | undefined
  used: number
  /** How long it took at least, in milliseconds, where it was timed. */
  leastMs: number
}

/** Statements of the server's that one connection may have. */
const MOST = 256
/** Texts of which it is known how often they were used under no name, and their characters. */
const MOST_SEEN = 1_024
const MOST_CHARACTERS = 500_000
/** 144 bits: two texts never have one name, on whatever server a pooler may take it to. */
const NAME_CHARACTERS = 24
/**
 * After so many milliseconds it is parsed anew. PostgreSQL plans it again by itself when a table has changed, but keeps the types that its
 * parameters had, so that a column that was a date may be given no time; and it does not see that a table of the same name has come into being
 * ahead of its own in `search_path`.
 */
const KEPT_MS = 2_000
/** It takes so many times as long as it did, and so much longer in milliseconds: its plan may be for any values now, and a bad one for these. */
const SLOW_FACTOR = 10
const SLOW_MS = 20
const UNNAMED: Named = { name: '', encodedName: Buffer.from([0]) }
const NONE: readonly PreparedStatement[] = []

type Named = Pick<PreparedStatement, 'name' | 'encodedName'>

/** The statements that were prepared on one connection. When there are too many, the one that was not used for longest goes. */
export class PreparedStatements {
  readonly #byText = new Map<string, PreparedStatement>()
  readonly #seen = new TextCache<number>(MOST_SEEN, MOST_CHARACTERS)
  readonly #prepareFrom: number
  #leaving: PreparedStatement[] = []
  #uses = 0
  readonly #slowPlans = new SlowPlanPenalties()
  #areDiscarded = false

  /** @param prepareFrom - the use of a text that is the first under a name. */
  constructor(prepareFrom: number) {
    this.#prepareFrom = prepareFrom
  }

  /** The statement of a text for one more use. It must be parsed if it is not `parsed`, behind a Close: the server may still have it. */
  of(text: string, now: number): PreparedStatement {
    let statement = this.#byText.get(text)
    if (this.#areDiscarded || this.#slowPlans.has(text, now)) return unnamed(text)
    if (statement === undefined) {
      if (!this.#isDue(text)) return unnamed(text)
      if (this.#byText.size >= MOST) this.#evict()
      statement = {
        text,
        ...nameOf(text),
        parsed: false,
        parsedAt: now,
        description: undefined,
        used: 0,
        leastMs: Infinity,
      }
      this.#byText.set(text, statement)
    }
    if (now - statement.parsedAt >= KEPT_MS) statement.parsed = false
    if (!statement.parsed) statement.parsedAt = now
    statement.used = ++this.#uses
    return statement
  }

  /** Those that have no name any more. They must be closed ahead of all else in a batch: behind an error in it, a Close would be skipped. */
  takeLeaving(): readonly PreparedStatement[] {
    if (this.#leaving.length === 0) return NONE
    const leaving = this.#leaving
    this.#leaving = []
    return leaving
  }

  /** Something was not as expected: of none is it known whether the server has it. All keep their place, so that it never has more. */
  doubt(): void {
    for (const statement of this.#byText.values()) statement.parsed = false
  }

  /** Somebody discards them behind our back, and may do so again: from now on there are none here. */
  giveUp(): void {
    this.#areDiscarded = true
    this.doubt()
  }

  /** Its plan may be the slow one: only the first ones under a name are made for the values. It has no name for a while. */
  suspect(text: string, now: number): void {
    this.#slowPlans.add(text, now)
    this.drop(text)
  }

  /** It has run by itself, and taken so long. */
  ran(statement: PreparedStatement, ms: number, now: number): void {
    if (ms > statement.leastMs * SLOW_FACTOR && ms > statement.leastMs + SLOW_MS) this.suspect(statement.text, now)
    else if (ms < statement.leastMs) statement.leastMs = ms
  }

  /** It has no name any more. */
  drop(text: string): void {
    const statement = this.#byText.get(text)
    if (statement === undefined) return
    this.#byText.delete(text)
    this.#leaving.push(statement)
  }

  #isDue(text: string): boolean {
    if (this.#prepareFrom === 1) return true
    if (this.#prepareFrom === Number.POSITIVE_INFINITY) return false
    const uses = (this.#seen.get(text) ?? 0) + 1
    this.#seen.set(text, uses)
    return uses >= this.#prepareFrom
  }

  #evict(): void {
    const [first, ...rest] = this.#byText.values()
    const oldest = rest.reduce((least, each) => (each.used < least.used ? each : least), first as PreparedStatement)
    this.drop(oldest.text)
  }
}

/** A statement for one use. */
export function unnamed(text: string): PreparedStatement {
  return { text, ...UNNAMED, parsed: false, parsedAt: 0, description: undefined, used: 0, leastMs: Infinity }
}

function nameOf(text: string): Named {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, NAME_CHARACTERS)
  const name = `pg_nearest_${hash}`
  return { name, encodedName: Buffer.from(`${name}\0`) }
}
