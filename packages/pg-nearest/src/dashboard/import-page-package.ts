import { OptionError } from '../errors.ts'

/** The assets are in a package of their own, which only those install who want to look. */
export async function importPagePackage(): Promise<typeof import('pg-nearest-page')> {
  try {
    return await import('pg-nearest-page')
  } catch (cause) {
    throw Object.assign(
      new OptionError(
        'pg-nearest-page',
        'The dashboard’s page is in a package of its own: npm install pg-nearest-page',
      ),
      { cause },
    )
  }
}
