import { watch } from 'node:fs'
import { sep } from 'node:path'

/** Editors write a file in several steps. */
const QUIET_MS = 150
/** Packages, and what begins with a dot: version control, caches, what Next.js builds. */
const isIgnored = (part: string): boolean => part === 'node_modules' || part.startsWith('.')

/** Calls back once files in a folder have changed, and have been quiet for a moment. Returns what ends it. */
export function watchFolder(folder: string, onChange: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || file.split(sep).some(isIgnored)) return
    clearTimeout(timer)
    timer = setTimeout(onChange, QUIET_MS, file)
  })
  // A folder that vanishes meanwhile is no reason to end.
  watcher.on('error', () => undefined)
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
