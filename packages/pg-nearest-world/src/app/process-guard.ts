import { spawn } from 'node:child_process'

/**
 * Reads until the pipe to this process closes, which the kernel does even after SIGKILL, and ends a group of processes then.
 */
const SCRIPT = `
trap '' INT HUP TERM QUIT
if read -r line; then exit 0; fi
kill -s TERM -- "-$1" 2>/dev/null || exit 0
tries=0
while kill -s 0 -- "-$1" 2>/dev/null && [ $tries -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
kill -s KILL -- "-$1" 2>/dev/null
`

/** Ends a group of processes if this process ends, however it does. Returns what calls that off. */
export function guardGroup(group: number): () => void {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'pg-nearest-world', String(group)], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  return () => void child.stdin.end('dismissed\n')
}
