import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { WorldError } from '../world-error.ts'

/** The operating system's user that servers run as; `undefined` for the one that runs this process. */
export interface OsUser {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root. Then it runs as the first of these that exists. */
const STAND_INS = ['postgres', 'nobody']

export async function findOsUser(): Promise<OsUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of STAND_INS) {
    // oxlint-disable-next-line no-await-in-loop -- the second is only looked up if the first does not exist
    const osUser = await osUserNamed(name)
    if (osUser !== undefined) return osUser
  }
  throw new WorldError(
    'WORLD_NO_POSTGRES',
    `PostgreSQL does not run as root, and there is no user ${STAND_INS.join(' or ')} to run it as: run this as another user.`,
  )
}

async function osUserNamed(name: string): Promise<OsUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await promisify(execFile)('id', [flag, name])).stdout)),
    )
    return uid === undefined || gid === undefined ? undefined : { uid, gid }
  } catch {
    return undefined
  }
}
