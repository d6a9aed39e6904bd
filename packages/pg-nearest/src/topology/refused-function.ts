/** A function of PostgreSQL that a server did not let this role call. */
export interface Refusal {
  /** As in a GRANT: `pg_control_system()`. */
  readonly call: string
  /** The SQLSTATE: `42501` if a GRANT would mend it. */
  readonly code: string
}

const DENIED = '42501'

/** What follows from it that a server does not tell its position, and what would mend it; a sentence behind the server's name. */
export function describeRefusals(refused: readonly Refusal[]): string {
  const mendable = refused.filter(({ code }) => code === DENIED)
  const said = refused.length === 0 ? '' : ` (${list(refused)} ${refused.length === 1 ? 'fails' : 'fail'} there)`
  const effect = `does not tell its position${said}, so that it cannot prove what it shows: sessions that have written read from the primary`
  if (mendable.length === 0) return `${effect}.`
  return `${effect}. Let the app's role ask: GRANT EXECUTE ON FUNCTION ${list(mendable)} TO the role, in this database.`
}

function list(refused: readonly Refusal[]): string {
  return refused.map(({ call }) => call).join(', ')
}
