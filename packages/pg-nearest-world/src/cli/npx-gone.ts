const EVERY_MS = 500

/**
 * Calls back when npx is gone. Whoever ends it ends a shell in between, and this process is told nothing. Any other parent may leave on
 * purpose, as a step of CI that starts a world for the next one does.
 */
export function onNpxGone(gone: () => void): { forget: () => void } {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid !== parent) gone()
  }, EVERY_MS)
  timer.unref()
  if (process.env['npm_command'] !== 'exec') clearInterval(timer)
  return { forget: () => clearInterval(timer) }
}
