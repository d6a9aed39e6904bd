/**
 * Becomes aborted at the first of some signals of the operating system, or when nobody reads `output` any more; neither
 * ends this process then.
 */
export function untilSignal(
  names: readonly NodeJS.Signals[],
  output: NodeJS.WritableStream,
): { readonly signal: AbortSignal; forget: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const name of names) process.on(name, abort)
  output.on('error', abort)
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of names) process.off(name, abort)
      output.off('error', abort)
    },
  }
}
