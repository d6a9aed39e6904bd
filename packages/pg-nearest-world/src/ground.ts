import { chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAccount, type Account } from './cluster/account.ts'
import { findBinaries, type Binaries } from './cluster/binaries.ts'
import { cachedTemplate, freshTemplate, type Template } from './cluster/data-directory.ts'
import { watch, type Watchdog } from './cluster/watchdog.ts'
import type { ParsedWorldOptions } from './world-options.ts'

/** What the servers of a world share. */
export interface Ground {
  readonly account: Account | undefined
  readonly binaries: Binaries
  readonly template: Template
  readonly folder: string
  readonly watchdog: Watchdog
}

/** Finds PostgreSQL, makes the folder that the world lives in, and has it watched. */
export async function prepareGround({
  binaries: given,
  fresh,
  onProgress,
  regions,
}: ParsedWorldOptions): Promise<Ground> {
  onProgress({ done: 0, total: regions.length + 2, step: 'preparing PostgreSQL' })
  const account = await findAccount()
  const binaries = await findBinaries(given, account)
  const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-world-run-'))
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  const watchdog = watch(folder)
  const template = fresh
    ? await freshTemplate(join(folder, 'template'), binaries, account)
    : await cachedTemplate(binaries, account)
  return { account, binaries, template, folder, watchdog }
}
