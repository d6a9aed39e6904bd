import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Account } from './account.ts'
import { command } from './command.ts'
import { writeAs } from './data-directory.ts'

/** What belongs to the running server, and not to a copy. */
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
export async function baseBackup(url: string, from: string, to: string, account: Account | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query("select pg_backup_start('pg-nearest-world', true)")
    await mkdir(to, { mode: 0o700 })
    await copyTree(from, to, SKIPPED)
    for (const folder of EMPTY_FOLDERS) await mkdir(join(to, folder), { recursive: true, mode: 0o700 })
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    await writeAs(join(to, 'backup_label'), rows[0]?.labelfile ?? '', account)
  } finally {
    await client.end()
  }
  if (account !== undefined) await command('chown', ['-R', `${account.uid}:${account.gid}`, to], undefined)
}

/** Files that go while they are copied are none of the backup's: replay would remove them, too. */
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
