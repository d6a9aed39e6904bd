import { flyAppOf, isManaged, type ServerLocation, type PrimaryLocation } from '../examination/server-endpoint.ts'

/** What a standby takes, too. Roles, rights and databases are changed by {@link onPrimary}. */
type TakenAnywhere = `select ${string}` | `show ${string}` | `alter system ${string}`

/** Statements for an administrator, on any server; each a transaction of its own, as ALTER SYSTEM wants it. */
export function psql(place: ServerLocation, ...statements: readonly TakenAnywhere[]): string {
  return commandOf(place, statements)
}

/** Statements that only the primary takes, likewise. */
export function onPrimary(primary: PrimaryLocation, ...statements: readonly string[]): string {
  return commandOf(primary, statements)
}

function commandOf({ host, port, database }: ServerLocation, statements: readonly string[]): string {
  const where = `psql -h ${host} -p ${port} -U postgres${database === undefined ? '' : ` -d ${word(database)}`}`
  return [where, ...statements.map((statement) => `-c ${quoted(statement)}`)].join(' ')
}

/** A setting of the server, and that it rereads them. */
export function setting(place: ServerLocation, change: string): string {
  return psql(place, `alter system ${change}`, 'select pg_reload_conf()')
}

/** Where a replica streams from: to be looked at first, for what is right already must not be replaced. */
export function streamFrom(place: ServerLocation, primary: string): string {
  const change = setting(place, `set primary_conninfo = 'host=<${primary}> port=… user=…'`)
  return `${psql(place, 'show primary_conninfo', 'show primary_slot_name')}, and where that is not ${primary}: ${change}`
}

/** The variable in which fly() reads the server's URL. */
export function variableOf({ declared, region }: Pick<ServerLocation, 'declared' | 'region'>): string {
  return declared === 'primary' ? 'DATABASE_URL' : `DATABASE_URL_${region?.toUpperCase().replaceAll('-', '_') ?? '…'}`
}

/** The option of the command line that gives the server's URL. */
export function optionOf({ declared, region }: Pick<ServerLocation, 'declared' | 'region'>, url: string): string {
  if (declared === 'primary') return `--primary ${region === undefined ? '' : `${region}=`}${url}`
  return `--replica ${region ?? '…'}=${url}`
}

/** Another URL for the server, where its URL was read. */
export function otherUrl(place: ServerLocation, example = 'postgres://…'): string {
  return place.source?.from === 'options'
    ? optionOf(place, example)
    : setVariables(place, [`${variableOf(place)}=${example}`])
}

/** @param removed - variables that must not be set any more when an app starts with the others */
export function setVariables(
  place: ServerLocation,
  assignments: readonly string[],
  removed: readonly string[] = [],
): string {
  const [set, unset] = [assignments.join(' '), removed.join(' ')]
  if (flyAppOf(place) === undefined) return `export ${set}${unset === '' ? '' : `; unset ${unset}`}`
  return unset === '' ? `fly secrets set ${set}` : `fly secrets set --stage ${set}, and then fly secrets unset ${unset}`
}

/** A server that does not run. */
export function startIt(place: ServerLocation): string {
  if (isManaged(place)) return 'fly mpg list, and fly mpg status <cluster id>'
  const app = flyAppOf(place)
  return app === undefined
    ? `pg_ctl start -D <its data directory>, on ${place.host}`
    : `fly machine list --app ${app}, then fly machine start <id> --app ${app}`
}

export function isReady({ host, port }: ServerLocation): string {
  return `pg_isready -h ${host} -p ${port}`
}

/** @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** For a shell. */
export function word(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : quoted(text)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
