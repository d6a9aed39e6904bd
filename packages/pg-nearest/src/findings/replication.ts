import type { ServerStatus } from '../servers/status.ts'
import { bytes, duration } from '../terminal/format.ts'
import type { ServerFacts } from '../examination/examination-facts.ts'
import type { Finding, Say } from './finding.ts'
import { identifier, onPrimary, psql, setting, streamFrom } from '../remedies/commands.ts'
import type { ExaminedServer } from '../examination/examination-facts.ts'
import type { ServerLocation } from '../examination/server-endpoint.ts'

/** A replica that is further behind is worth a warning: reads of sessions go elsewhere meanwhile. */
const MUCH_LAG_MS = 10_000

const OLD_READS = 'Reads there show old data, and those of a session that has written cross the ocean meanwhile.'

/** Whether a replica follows the primary, streams, and keeps up. */
export function replicationOf(
  examined: ExaminedServer,
  facts: ServerFacts | undefined,
  primary: ServerStatus | undefined,
  say: Say,
): readonly Finding[] {
  const { server, place } = examined
  if (primary === undefined) {
    return [
      say.unknown('DOCTOR_NO_PRIMARY', 'cannot be compared: no primary answers', {
        why: 'Whether it follows the primary is not known.',
        mend: 'npx pg-nearest doctor, once the primary answers',
      }),
    ]
  }
  return [
    timelineOf(examined, primary, say),
    ...streamOf(examined, primary, facts, say),
    lagOf(server, place, facts, say),
  ]
}

function timelineOf(examined: ExaminedServer, primary: ServerStatus, say: Say): Finding {
  const { place, primary: primaryPlace } = examined
  const { timeline, timelineIsLate } = examined.server
  const grant = {
    why: 'After a failover, sessions that have written read there only once a checkpoint has told that it follows the new primary.',
    mend: onPrimary(primaryPlace, `grant pg_monitor to ${identifier(place.user ?? 'app')}`),
  }
  if (timeline === undefined) {
    return say.unknown('DOCTOR_TIMELINE', 'does not say which timeline it follows', grant)
  }
  if (timeline === primary.timeline) return say.good(`follows ${primary.name}`)
  if (timelineIsLate) {
    const message = `was on timeline ${timeline} at its last checkpoint, and ${primary.name} is on ${primary.timeline}`
    return say.unknown('DOCTOR_TIMELINE', message, grant)
  }
  return say.bad('DOCTOR_TIMELINE', `is on timeline ${timeline}, and ${primary.name} on ${primary.timeline}`, {
    why: 'It follows a primary that was replaced: nothing that is written now comes to it.',
    mend: streamFrom(place, primary.name),
  })
}

function streamOf(
  { place, server: { receiving } }: ExaminedServer,
  primary: ServerStatus,
  facts: ServerFacts | undefined,
  say: Say,
): readonly Finding[] {
  if (receiving !== false) return receiving === true ? [say.good('receives what is written')] : []
  const archived = facts?.settings.get('restore_command')
  const remedy = {
    why: 'Without a walreceiver nothing more comes, and what it shows grows older.',
    mend: streamFrom(place, primary.name),
  }
  if (archived === '') return [say.bad('DOCTOR_NOT_STREAMING', 'runs no walreceiver, and has no archive', remedy)]
  return [
    say.unknown(
      'DOCTOR_NOT_STREAMING',
      'runs no walreceiver: nothing more comes, unless it is fed from an archive',
      remedy,
    ),
  ]
}

function lagOf(
  { lagBytes, stalenessMs }: ServerStatus,
  place: ServerLocation,
  facts: ServerFacts | undefined,
  say: Say,
): Finding {
  if (facts?.replay?.paused === true) {
    const behind = lagBytes === undefined ? '' : `is ${bytes(lagBytes)} behind, and `
    return say.bad('DOCTOR_PAUSED', `${behind}its replay is paused`, {
      why: OLD_READS,
      mend: psql(place, 'select pg_wal_replay_resume()'),
    })
  }
  const delayMs = Number(facts?.settings.get('recovery_min_apply_delay') ?? 0)
  if (delayMs > 0) {
    return say.bad('DOCTOR_APPLY_DELAY', `shows everything ${duration(delayMs)} late, by recovery_min_apply_delay`, {
      why: OLD_READS,
      mend: setting(place, 'set recovery_min_apply_delay = 0'),
    })
  }
  const remedy = {
    why: OLD_READS,
    mend: psql(place, 'select * from pg_stat_wal_receiver', 'select * from pg_stat_recovery_prefetch'),
  }
  if (lagBytes === undefined) return say.unknown('DOCTOR_NO_LAG', 'does not say how far it is behind', remedy)
  const behind = `is ${bytes(lagBytes)} behind`
  const lateMs = stalenessMs ?? (lagBytes > 0 ? facts?.replay?.ageMs : undefined)
  if (lateMs === undefined) return say.unknown('DOCTOR_NO_LAG', `${behind}, and for how long is not known`, remedy)
  const message = `${behind}, at most ${duration(lateMs)}`
  return lateMs > MUCH_LAG_MS ? say.bad('DOCTOR_LATE', message, remedy) : say.good(message)
}
