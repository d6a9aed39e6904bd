import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** For `npm install` where there may be no registry. */
export const quickly: readonly string[] = ['--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=20000']

/** Whether a package can be had from npm's registry. */
export function isInRegistry(name: string): Promise<boolean> {
  return promisify(execFile)('npm', ['view', name, 'version', ...quickly]).then(
    () => true,
    () => false,
  )
}
