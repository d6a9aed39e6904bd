import type { World } from 'pg-nearest-world'

/**
 * A PostgreSQL of our own for when `DATABASE_URL` is not set: one region, empty, gone when the process ends. The package
 * is a development dependency, so a production image does not have it and gets an error that says what is missing.
 */
export const startDevelopmentWorld = async (): Promise<World> => {
  const { startWorld } = await import('pg-nearest-world').catch((error: unknown) => {
    throw isMissingModule(error)
      ? new Error('Set DATABASE_URL: there is no database, and the one for development is not installed here.', {
          cause: error,
        })
      : error
  })
  return startWorld({ primary: 'nrt' })
}

const isMissingModule = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === 'ERR_MODULE_NOT_FOUND' &&
  error.message.includes('pg-nearest-world')
