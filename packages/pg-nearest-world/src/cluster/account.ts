import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { WorldError } from '../world-error.ts'

/** Whom the servers run as; `undefined` for whoever runs this process. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root: then it runs as one of these. */
const STAND_INS = ['postgres', 'nobody']

export async function findAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of STAND_INS) {
    // oxlint-disable-next-line no-await-in-loop -- the second is asked for only if there is no first
    const account = await accountOf(name)
    if (account !== undefined) return account
  }
  throw new WorldError(
    'WORLD_NO_POSTGRES',
    `PostgreSQL does not run as root, and there is no user ${STAND_INS.join(' or ')} to run it as: run this as another user.`,
  )
}

async function accountOf(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await promisify(execFile)('id', [flag, name])).stdout)),
    )
    return uid === undefined || gid === undefined ? undefined : { uid, gid }
  } catch {
    return undefined
  }
}
