import { randomInt } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { portInUse, WorldError } from '../world-error.ts'
import { cacheFolder } from './cache-folder.ts'
import { isAlive } from './is-alive.ts'

/** A port on 127.0.0.1 that no other world uses until it is released, even while nothing listens on it. */
export interface ReservedPort {
  readonly port: number
  release(): Promise<void>
}

/**
 * Below the ephemeral ports (from 32768 on Linux, from 49152 on macOS), so that the system does not give a dead server's port
 * to anyone else.
 */
const FIRST_PORT = 16_000
const LAST_PORT = 32_000
const ATTEMPTS = 200

/**
 * Only ports tell worlds apart: worlds that start from the same copy share a password and a system identifier, so that a client
 * or a replica that reached another world's server would not notice. Hence each port is locked by a file that contains the
 * owner's process id. A lock whose owner has ended may be taken over.
 */
export async function reservePort(candidate: () => number = randomPort): Promise<ReservedPort> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- the next port is tried only if this one is taken
    const reserved = await tryPort(candidate())
    if (reserved !== undefined) return reserved
  }
  throw new WorldError(
    'WORLD_SERVER_FAILED',
    `No free port was found between ${FIRST_PORT} and ${LAST_PORT}: ${ATTEMPTS} were tried.`,
  )
}

/** @throws WorldError if another world has it, or a program listens on it. */
export async function reserveFixedPort(port: number): Promise<ReservedPort> {
  return (await tryPort(port)) ?? Promise.reject(portInUse(port))
}

async function tryPort(port: number): Promise<ReservedPort | undefined> {
  const folder = join(await cacheFolder(), 'ports')
  await mkdir(folder, { recursive: true })
  const file = join(folder, String(port))
  if (!(await lock(file))) return undefined
  const release = (): Promise<void> => rm(file, { force: true })
  if (await isFree(port)) return { port, release }
  await release()
  return undefined
}

function randomPort(): number {
  return randomInt(FIRST_PORT, LAST_PORT)
}

async function lock(file: string): Promise<boolean> {
  if (await create(file)) return true
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  // Empty: its owner is about to write it.
  if (owner === 0 || isAlive(owner)) return false
  await rm(file, { force: true })
  return create(file)
}

function create(file: string): Promise<boolean> {
  return writeFile(file, String(process.pid), { flag: 'wx' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(true)))
  })
}
