import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { OsUser } from './os-user.ts'
import { runProgram } from './run-program.ts'
import { writeAs } from './data-directory.ts'

/** Files of the running server that must not be copied. */
const SKIPPED: ReadonlySet<string> = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_notify',
  'standby.signal',
  'backup_label',
])
const EMPTY_FOLDERS = ['pg_wal/archive_status', 'pg_replslot', 'pg_dynshmem', 'pg_stat_tmp', 'pg_subtrans', 'pg_notify']

/** Copies a running server's data directory: what pg_basebackup does, which npm's binaries do not have. */
export async function baseBackup(url: string, from: string, to: string, osUser: OsUser | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query("select pg_backup_start('pg-nearest-world', true)")
    await mkdir(to, { mode: 0o700 })
    await copyTree(from, to, SKIPPED)
    for (const folder of EMPTY_FOLDERS) await mkdir(join(to, folder), { recursive: true, mode: 0o700 })
    const { rows } = await client.query<{ label: string; last: string }>(
      'select labelfile as label, pg_walfile_name(lsn) as last from pg_backup_stop(false)',
    )
    const { label = '', last = '' } = rows[0] ?? {}
    await copyWal(from, to, last)
    await writeAs(join(to, 'backup_label'), label, osUser)
  } finally {
    await client.end()
  }
  if (osUser !== undefined) await runProgram('chown', ['-R', `${osUser.uid}:${osUser.gid}`, to], undefined)
}

/**
 * Copies all WAL that the server still has. With what was written during the backup the copy is consistent by itself, even if
 * no server can be reached. With what was written before, it can serve a replica that is behind once it is promoted.
 */
async function copyWal(from: string, to: string, last: string): Promise<void> {
  const names = await readdir(join(from, 'pg_wal'))
  const needed = names.filter((name) => name.endsWith('.history') || isUpTo(name, last))
  await Promise.all(
    needed.map((name) => copyFile(join(from, 'pg_wal', name), join(to, 'pg_wal', name)).catch(ignoreGone)),
  )
}

/** The first 8 of a segment's 24 digits are its timeline, which says nothing about its position. */
function isUpTo(name: string, last: string): boolean {
  return /^[0-9A-F]{24}$/.test(name) && name.slice(8) <= last.slice(8)
}

/** Files that disappear during the copy are not needed: replay would remove them anyway. */
async function copyTree(from: string, to: string, skipped: ReadonlySet<string> = new Set()): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true })
  await Promise.all(
    entries
      .filter(({ name }) => !skipped.has(name))
      .map(async (entry) => {
        const [source, target] = [join(from, entry.name), join(to, entry.name)]
        if (entry.isDirectory()) {
          await mkdir(target, { recursive: true, mode: 0o700 })
          await copyTree(source, target)
        } else {
          await copyFile(source, target).catch(ignoreGone)
        }
      }),
  )
}

function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
