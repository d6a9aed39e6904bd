import { spawn } from 'node:child_process'
import { WorldError } from '../world-error.ts'
import type { OsUser } from './os-user.ts'

/** Runs a program to its end as this user. If it fails, rejects with the end of its error output. */
export function runProgram(
  program: string,
  args: readonly string[],
  osUser: OsUser | undefined,
  input = '',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...osUser,
      cwd: '/',
      env: cleanEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let words = ''
    const fail = (why: string): void =>
      reject(
        new WorldError('WORLD_SERVER_FAILED', `${program} failed: ${[why, words.trim()].filter(Boolean).join(' ')}`),
      )
    child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2_000)))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', (error) => fail(error.message))
    child.on('close', (code, signal) => (code === 0 ? resolve() : fail(signal ?? '')))
  })
}

/** Without the caller's own PostgreSQL settings (PGDATA, PGHOST, …), which must not affect these servers. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'))
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}
