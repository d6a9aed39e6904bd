import { duration } from '../terminal/format.ts'
import type { PoolLimits, ServerFacts } from '../examination/examination-facts.ts'
import type { Finding, Say } from './finding.ts'
import { identifier, onPrimary, otherUrl, setting } from '../remedies/commands.ts'
import type { ExaminedServer } from '../examination/examination-facts.ts'
import { isLocal, isManaged, isPrivate, type ServerLocation } from '../examination/server-endpoint.ts'

/** After so long the proxy of Fly's managed PostgreSQL cuts a connection. @see https://fly.io/docs/mpg/ */
const FLY_PROXY_MS = 600_000

/** What stands between: encryption, poolers, and who ends a connection first. */
export function wayOf(
  examined: ExaminedServer,
  facts: ServerFacts | undefined,
  limits: PoolLimits,
  say: Say,
): readonly Finding[] {
  const { place, server } = examined
  return [
    ...(facts === undefined ? [] : [encryptionOf(facts, place, say), ...idleLimitOf(facts, examined, limits, say)]),
    ...proxyLimitOf(place, limits, say),
    ...(server.pooled ? [poolerOf(place, say)] : []),
  ]
}

function encryptionOf({ encrypted }: ServerFacts, place: ServerLocation, say: Say): Finding {
  if (encrypted) return say.good('is asked over an encrypted connection')
  if (isLocal(place)) return say.good('is asked unencrypted, on this machine')
  if (isPrivate(place)) return say.good('is asked unencrypted, over a private network')
  return say.bad('DOCTOR_UNENCRYPTED', `is asked unencrypted, over a network that is not private (${place.host})`, {
    why: 'Everybody on the way can read and change what is sent, passwords included.',
    mend: otherUrl(place, 'postgres://…?sslmode=verify-full'),
  })
}

function idleLimitOf(
  { settings, sources }: ServerFacts,
  examined: ExaminedServer,
  { idleTimeoutMs }: PoolLimits,
  say: Say,
): readonly Finding[] {
  const limitMs = Number(settings.get('idle_session_timeout') ?? 0)
  if (limitMs <= 0 || (idleTimeoutMs > 0 && idleTimeoutMs < limitMs)) return []
  const kept =
    idleTimeoutMs === 0 ? 'the pool keeps them for ever' : `the pool keeps them for ${duration(idleTimeoutMs)}`
  return [
    say.bad('DOCTOR_IDLE_LIMIT', `ends connections that are idle for ${duration(limitMs)}, and ${kept}`, {
      why: 'Connections die while they wait, so the next statement pays for a new one, and a write on one that dies has an unknown outcome.',
      mend: `createPool({ idleTimeoutMillis: ${Math.floor(limitMs / 2)} }), or ${withoutIdleLimit(examined, sources.get('idle_session_timeout'))}`,
    }),
  ]
}

/** @param source - as `pg_settings` has it: a server's own setting, or one that belongs to all of them */
function withoutIdleLimit({ place, primary }: ExaminedServer, source: string | undefined): string {
  const name = 'idle_session_timeout'
  const role = `alter role ${identifier(place.user ?? 'app')}`
  const database = identifier(place.database ?? 'app')
  if (source === 'user') return onPrimary(primary, `${role} reset ${name}`)
  if (source === 'database') return onPrimary(primary, `alter database ${database} reset ${name}`)
  if (source === 'database user') return onPrimary(primary, `${role} in database ${database} reset ${name}`)
  if (source === 'client') return otherUrl(place, `postgres://… (without ${name} in its options)`)
  return setting(place, `set ${name} = 0`)
}

function proxyLimitOf(place: ServerLocation, { maxLifetimeMs }: PoolLimits, say: Say): readonly Finding[] {
  if (!isManaged(place)) return []
  if (maxLifetimeMs > 0 && maxLifetimeMs <= FLY_PROXY_MS)
    return [say.good('has a proxy that cuts connections after the pool has ended them')]
  return [
    say.unknown(
      'DOCTOR_PROXY_LIMIT',
      'has a proxy that cuts connections after 10 minutes, and nothing here ends them before',
      {
        why: 'A write that is cut off has an unknown outcome. fly() sets this; other options have to.',
        mend: 'createPool({ maxLifetimeSeconds: 600, idleTimeoutMillis: 300_000 })',
      },
    ),
  ]
}

function poolerOf(place: ServerLocation, say: Say): Finding {
  const direct = isManaged(place) ? 'postgres://…@direct.<cluster>.flympg.net/…' : 'postgres://… (the server itself)'
  return say.unknown('DOCTOR_POOLER', 'is asked through a pooler', {
    why: 'In transaction mode SET, LISTEN, advisory locks and temporary tables do not stay with a connection; migrations need the server itself.',
    mend: `DATABASE_URL='${direct}' for migrations`,
  })
}
