import { afterAll } from 'vitest'
import { secretsFound, watchForSecrets } from './secret-watch.ts'

watchForSecrets()

afterAll(() => {
  const { leaks } = secretsFound()
  if (leaks.length > 0) {
    throw new Error(
      `What the library logs, throws, emits or shows holds a password:\n${JSON.stringify(leaks, null, 2)}`,
    )
  }
})
