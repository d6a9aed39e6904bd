/**
 * A pool for Next.js' App Router.
 *
 * @module pg-nearest/next
 */
export { nextPool } from './next-pool.ts'
export type { NextCookies, NextPoolOptions } from './next-pool.ts'
export type { CookieJar, JarCookie } from '../http-session/jar-session.ts'
