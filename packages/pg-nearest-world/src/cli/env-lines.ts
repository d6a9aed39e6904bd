import { databaseVariables } from '../app/app-environment.ts'
import type { WorldPoolOptions } from '../world-types.ts'

/** An app's variables in one region as lines of a `.env` file, which a shell can read too, under a comment that names the region. */
export function envLines(app: WorldPoolOptions): string {
  const lines = Object.entries(databaseVariables(app)).map(([name, value]) => `${name}=${quote(value)}`)
  return [`# an app in ${app.region}`, ...lines].join('\n')
}

/** A URL that needs quotes here, for an `&`, loses nothing by spelling its own quotes as %27. */
function quote(value: string): string {
  return /^[\w.:/@%,+-]*$/.test(value) ? value : `'${value.replaceAll("'", '%27')}'`
}
