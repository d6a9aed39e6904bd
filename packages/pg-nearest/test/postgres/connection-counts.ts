import { ask } from './fixtures.ts'

/** How many connections the asker's role has to a server, past this one: what others' are, an ordinary role is not told. */
export function connectionsTo(url: string): Promise<number> {
  return countOf(url, "backend_type = 'client backend' and pid <> pg_backend_pid()")
}

/** How many of them are an application's. */
export function connectionsOf(url: string, applicationName: string): Promise<number> {
  return countOf(url, `application_name = '${applicationName}'`)
}

async function countOf(url: string, where: string): Promise<number> {
  const [row] = await ask<{ n: number }>(url, `select count(*)::int as n from pg_stat_activity where ${where}`)
  return row?.n ?? -1
}
