/** As much of it as is used here, for where Next.js is not installed; `next build` has the real one. */
declare module 'next/headers' {
  import type { CookieJar } from 'pg-nearest/next'

  export function cookies(): Promise<CookieJar>
}
