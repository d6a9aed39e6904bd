import { onNpxGone } from './npx-gone.ts'

/**
 * An abort signal for the first of some operating system signals, or for the moment when nobody reads `output` any more, or npx, which has
 * started this process, is gone. Neither ends this process then.
 */
export function abortOnSignal(
  names: readonly NodeJS.Signals[],
  output: NodeJS.WritableStream,
): { readonly signal: AbortSignal; forget: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const name of names) process.on(name, abort)
  output.on('error', abort)
  const npx = onNpxGone(abort)
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of names) process.off(name, abort)
      output.off('error', abort)
      npx.forget()
    },
  }
}
