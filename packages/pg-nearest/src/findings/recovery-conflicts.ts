import { duration } from '../terminal/format.ts'
import type { ServerFacts } from '../examination/examination-facts.ts'
import type { Finding, Say } from './finding.ts'
import { setting } from '../remedies/commands.ts'
import type { ServerLocation } from '../examination/server-endpoint.ts'

/** PostgreSQL's own default. */
const USUAL_DELAY_MS = 30_000

/** What happens to a query on a replica that stands in the way of replay. */
export function conflictsOf(
  { settings, conflicts = 0 }: ServerFacts,
  place: ServerLocation,
  say: Say,
): readonly Finding[] {
  const delayMs = Number(settings.get('max_standby_streaming_delay') ?? USUAL_DELAY_MS)
  const feedback = settings.get('hot_standby_feedback') === 'on'
  if (delayMs < 0) {
    return [
      say.bad('DOCTOR_ENDLESS_CONFLICTS', 'lets a query hold replay up for ever (max_standby_streaming_delay is -1)', {
        why: 'One long query makes everything old that the others read there.',
        mend: setting(place, "set max_standby_streaming_delay = '30s'"),
      }),
    ]
  }
  if (feedback) return [say.good('asks the primary to keep what its queries still need (hot_standby_feedback)')]
  const remedy = {
    why: 'Replay cancels queries that still need what the primary has cleaned up; a single read runs again on another server, and a transaction fails.',
    mend: setting(place, 'set hot_standby_feedback = on'),
  }
  if (conflicts > 0) {
    return [
      say.bad(
        'DOCTOR_CONFLICTS',
        `has cancelled ${conflicts} queries for replay's sake (hot_standby_feedback is off)`,
        remedy,
      ),
    ]
  }
  if (delayMs < USUAL_DELAY_MS) {
    const message = `cancels queries that hold replay up for ${duration(delayMs)} (hot_standby_feedback is off)`
    return [say.bad('DOCTOR_CONFLICTS', message, remedy)]
  }
  return [say.good(`lets a query hold replay up for ${duration(delayMs)} before it is cancelled`)]
}
