import { flyAppOf, type Place } from './place.ts'

/** Statements for an administrator, each a transaction of its own, as ALTER SYSTEM wants it. */
export function psql({ host, port, database }: Place, ...statements: readonly string[]): string {
  const where = `psql -h ${host} -p ${port} -U postgres${database === undefined ? '' : ` -d ${database}`}`
  return [where, ...statements.map((statement) => `-c ${quoted(statement)}`)].join(' ')
}

/** A setting of the server, and that it rereads them. */
export function setting(place: Place, change: string): string {
  return psql(place, `alter system ${change}`, 'select pg_reload_conf()')
}

/** Another URL for the server, where fly() reads it. */
export function otherUrl(place: Place, example = 'postgres://…'): string {
  const { declared, region } = place
  const replica = `DATABASE_URL_${region?.toUpperCase().replaceAll('-', '_') ?? '…'}`
  const variable = declared === 'primary' ? 'DATABASE_URL' : replica
  return flyAppOf(place) === undefined ? `export ${variable}=${example}` : `fly secrets set ${variable}=${example}`
}

/** A server that does not run. */
export function startIt(place: Place): string {
  const app = flyAppOf(place)
  return app === undefined
    ? `pg_ctl start -D <its data directory>, on ${place.host}`
    : `fly machine list --app ${app}, then fly machine start <id> --app ${app}`
}

/** A replica where none is. */
export function cloneIt(place: Place): string | undefined {
  const app = flyAppOf(place)
  if (app === undefined || place.region === undefined) return undefined
  return `fly machine clone <id of a machine> --region ${place.region} --app ${app}`
}

/** @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
