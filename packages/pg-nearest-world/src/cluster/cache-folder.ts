import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { WorldError } from '../world-error.ts'

/** The folder for what takes long to make and is kept between runs. It is all that a world leaves behind. */
export async function cacheFolder(): Promise<string> {
  const { uid } = userInfo()
  const folder = process.env['PG_NEAREST_WORLD_CACHE'] || join(tmpdir(), `pg-nearest-world-${uid}`)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const { uid: owner, mode } = await lstat(folder)
  // Another user's folder could contain that user's programs.
  if (uid >= 0 && owner !== uid) {
    throw new WorldError(
      'WORLD_NO_POSTGRES',
      `${folder} belongs to another user: remove it, or name a folder of your own in PG_NEAREST_WORLD_CACHE.`,
    )
  }
  if ((mode & 0o777) !== 0o755) await chmod(folder, 0o755)
  return folder
}

/** The cached folder of this name. If there is none, `make` fills a new one. Safe if several processes do it at once. */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(await cacheFolder(), name)
  if (await exists(folder)) return folder
  const draft = `${folder}.${process.pid}.${Date.now()}`
  try {
    await mkdir(draft, { mode: 0o755 })
    await make(draft)
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process was faster.
    if (!(await exists(folder))) throw error
  }
  return folder
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
