/** Becomes aborted at the first of some signals of the operating system, which then do not end this process. */
export function untilSignal(names: readonly NodeJS.Signals[]): { readonly signal: AbortSignal; forget: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const name of names) process.on(name, abort)
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of names) process.off(name, abort)
    },
  }
}
