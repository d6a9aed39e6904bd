import { spawn } from 'node:child_process'
import { WorldError } from '../world-error.ts'
import type { Account } from './account.ts'

/** Runs a program to its end as this account. Rejects with its last words if it fails. */
export function command(
  program: string,
  args: readonly string[],
  account: Account | undefined,
  input = '',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...account,
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

/** The caller's own PostgreSQL settings (PGDATA, PGHOST, …) are none of these servers' business. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'))
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}
