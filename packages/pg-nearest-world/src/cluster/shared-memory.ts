import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Removes the small System V segment that a killed server leaves behind. Line 7 of its pid file names it. */
export async function freeSharedMemory(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = /^\s*\d+\s+(\d+)\s*$/.exec(text.split('\n')[6] ?? '')?.[1]
  if (id !== undefined) await promisify(execFile)('ipcrm', ['-m', id]).catch(() => undefined)
}
