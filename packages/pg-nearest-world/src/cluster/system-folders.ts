import type { PostgresVersion } from '../postgres-version.ts'

/** Where packages of operating systems put the programs of a major. */
export function systemFolders(version: PostgresVersion): readonly string[] {
  return [
    // Debian, Ubuntu
    `/usr/lib/postgresql/${version}/bin`,
    // Red Hat and its kin, from the PostgreSQL project
    `/usr/pgsql-${version}/bin`,
    // Homebrew, on Apple's processors and on Intel's
    `/opt/homebrew/opt/postgresql@${version}/bin`,
    `/usr/local/opt/postgresql@${version}/bin`,
  ]
}
