import { chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOsUser, type OsUser } from './cluster/os-user.ts'
import { findBinaries, type Binaries } from './cluster/binaries.ts'
import { cachedTemplate, freshTemplate, type Template } from './cluster/data-directory.ts'
import { watch, type Watchdog } from './cluster/watchdog.ts'
import type { ParsedWorldOptions } from './world-options.ts'

/** What all servers of a world share. */
export interface WorldResources {
  readonly osUser: OsUser | undefined
  readonly binaries: Binaries
  readonly template: Template
  readonly folder: string
  readonly watchdog: Watchdog
}

/** Finds PostgreSQL, creates the world's folder, and starts the process that cleans up if this one crashes. */
export async function prepareWorldResources({
  binaries: wanted,
  fresh,
  onProgress,
  regions,
}: ParsedWorldOptions): Promise<WorldResources> {
  onProgress({ done: 0, total: regions.length + 2, step: 'preparing PostgreSQL' })
  const osUser = await findOsUser()
  const binaries = await findBinaries(wanted, osUser)
  const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-world-run-'))
  if (osUser !== undefined) await chown(folder, osUser.uid, osUser.gid)
  const watchdog = watch(folder)
  const template = fresh
    ? await freshTemplate(join(folder, 'template'), binaries, osUser)
    : await cachedTemplate(binaries, osUser)
  return { osUser, binaries, template, folder, watchdog }
}
