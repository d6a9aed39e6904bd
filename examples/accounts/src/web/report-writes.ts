import type { MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Environment } from './environment.ts'
import { readReplaySource } from './replay-source.ts'
import { formatReport, parseReport, reportOf } from './write-report.ts'

const name = 'last-write'

/**
 * A form is answered with a redirect: a cookie carries to the page behind it what the change has cost. It belongs inside of the request's
 * log, and around `replay`.
 */
export const reportWrites: MiddlewareHandler<Environment> = async (c, next) => {
  const { region, log } = c.var
  const replay = readReplaySource(c.req.header('fly-replay-src'))
  const kept = getCookie(c, name)
  c.set('report', parseReport(kept))
  const arrivedAt = Date.now()
  await next()
  const report = reportOf({ region, log, replay, arrivedAt })
  if (report) setCookie(c, name, formatReport(report), { httpOnly: true, sameSite: 'Lax', maxAge: 30 })
  else if (kept !== undefined && c.req.method === 'GET') deleteCookie(c, name)
}
