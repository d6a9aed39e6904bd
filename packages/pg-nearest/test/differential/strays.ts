import { describeError } from './describe.ts'

export interface Strays {
  /** Those since it was asked last. */
  take(): Promise<unknown[]>
  stop(): void
}

/** Collects what nobody caught, instead of ending the process. */
export function watchStrays(): Strays {
  let found: unknown[] = []
  const add = (error: unknown): void => {
    found.push(describeError(error))
  }
  process.on('uncaughtException', add)
  process.on('unhandledRejection', add)
  return {
    async take() {
      // A rejection counts as unhandled only when its turn of the event loop is over.
      await new Promise((resolve) => setImmediate(resolve))
      const taken = found
      found = []
      return taken
    },
    stop() {
      process.off('uncaughtException', add)
      process.off('unhandledRejection', add)
    },
  }
}
