import { spawn } from 'node:child_process'

/** Ends a world's servers and removes their files when this process ends without having done so, however it ends. */
export interface Watchdog {
  /** All is cleaned up: there is nothing to do. */
  dismiss(): void
}

/**
 * Reads until the pipe to this process closes: the kernel closes it even after SIGKILL. A pid counts only while its
 * process still names the folder.
 */
const SCRIPT = `
trap '' INT HUP TERM QUIT
if read -r line; then exit 0; fi
for file in "$1"/*/postmaster.pid; do
  [ -f "$file" ] || continue
  pid=$(sed -n 1p "$file")
  memory=$(sed -n 7p "$file" | awk '{ print $2 }')
  case $(ps -o args= -p "$pid") in
    *"$1"*) kill -9 $(ps -A -o pid=,ppid= | awk -v main="$pid" '$2 == main { print $1 }') "$pid" ;;
  esac
  if [ -n "$memory" ]; then ipcrm -m "$memory"; fi
done
tries=0
while [ -e "$1" ] && [ $tries -lt 50 ]; do rm -rf "$1"; tries=$((tries + 1)); [ -e "$1" ] && sleep 0.1; done
`

export function watch(folder: string): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'pg-nearest-world', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  ;(child.stdin as typeof child.stdin & { unref?: () => void }).unref?.()
  return { dismiss: () => void child.stdin.end('dismissed\n') }
}
