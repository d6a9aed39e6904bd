import { describeError } from './describe.ts'

export interface Strays {
  readonly found: unknown[]
  stop(): Promise<void>
}

/** Collects what nobody caught, instead of ending the process. */
export function watchStrays(): Strays {
  const found: unknown[] = []
  const take = (error: unknown): void => {
    found.push(describeError(error))
  }
  process.on('uncaughtException', take)
  process.on('unhandledRejection', take)
  return {
    found,
    async stop() {
      // A rejection counts as unhandled only when its turn of the event loop is over.
      await new Promise((resolve) => setImmediate(resolve))
      process.off('uncaughtException', take)
      process.off('unhandledRejection', take)
    },
  }
}
