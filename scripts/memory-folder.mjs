import { statfsSync } from 'node:fs'
import { freemem, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const FOLDER = '/dev/shm'
/** What statfs says of a tmpfs, on Linux. */
const TMPFS = 0x01021994
const FREE_BYTES = 6e9

/**
 * The environment in which worlds keep their data in memory, where there is enough of it. Hundreds of them come and go in the tests, and
 * ext4 takes several times as long to make files where many have just been removed. Programs stay on disk, where they may be run.
 */
export function memoryFolderEnv() {
  if (process.env.TMPDIR !== undefined || !isRoomy()) return {}
  const cache = process.env.PG_NEAREST_WORLD_CACHE || join(tmpdir(), `pg-nearest-world-${userInfo().uid}`)
  return { TMPDIR: FOLDER, PG_NEAREST_WORLD_CACHE: cache }
}

function isRoomy() {
  try {
    const { type, bavail, bsize } = statfsSync(FOLDER)
    return type === TMPFS && bavail * bsize > FREE_BYTES && freemem() > FREE_BYTES
  } catch {
    return false
  }
}
