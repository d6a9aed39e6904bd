import { spawn } from 'node:child_process'

/** A process that ends a world's servers and removes their files if this process ends without having done so. */
export interface Watchdog {
  /** Ends it, because everything is cleaned up. Resolves when it has ended. */
  dismiss(): Promise<void>
}

/**
 * Reads until the pipe to this process closes, which the kernel does even after SIGKILL. A process is only killed if its
 * arguments still name the world's folder, for its pid may have been reused. Small Linux images have no `ps`, and macOS has
 * no `/proc`.
 */
const SCRIPT = `
trap '' INT HUP TERM QUIT
if read -r line; then exit 0; fi
arguments() {
  if [ -d /proc/self ]; then tr '\\0' ' ' < "/proc/$1/cmdline"; else ps -o args= -p "$1"; fi
}
parents() {
  if [ -d /proc/self ]; then cat /proc/[0-9]*/stat | sed 's/(.*) [A-Z]//'; else ps -A -o pid=,ppid=; fi
}
for file in "$1"/*/postmaster.pid; do
  [ -f "$file" ] || continue
  pid=$(sed -n 1p "$file")
  memory=$(sed -n 7p "$file" | awk '{ print $2 }')
  case $(arguments "$pid") in
    *"$1"*) kill -9 $(parents | awk -v main="$pid" '$2 == main { print $1 }') "$pid" ;;
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
  const gone = new Promise<void>((resolve) => {
    child.on('exit', () => resolve())
    child.on('error', () => resolve())
  })
  child.stdin.on('error', () => undefined)
  child.unref()
  ;(child.stdin as typeof child.stdin & { unref?: () => void }).unref?.()
  return {
    dismiss() {
      child.ref()
      child.stdin.end('dismissed\n')
      return gone
    },
  }
}
