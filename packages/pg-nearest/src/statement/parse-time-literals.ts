/**
 * Whether a string in a text may mean something else later: `'today'` becomes a date, and `'users'::regclass` a number, when PostgreSQL parses
 * the text, and stays that as long as the statement is prepared. In doubt it may. Linear in the text's length.
 *
 * @see https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-DATETIME-SPECIAL-VALUES
 */
export function hasPassingLiteral(text: string): boolean {
  return PASSING.test(text) || OF_CATALOG.test(text) || HIDING.test(text)
}

/** But for the function. */
const PASSING = /(?<![a-z_])(?:now(?![a-z_]|\s*\()|today|tomorrow|yesterday)/i
const OF_CATALOG = /\breg(?:class|collation|config|dictionary|namespace|oper|operator|proc|procedure|role|type)\b/i
/** Escapes, and a string that goes on in the next line. */
const HIDING = /\\|u&'|'[ \t\f\v]*[\r\n]\s*'/i
