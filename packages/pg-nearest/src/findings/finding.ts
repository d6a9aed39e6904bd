import type { Remedy } from '../remedies/remedies.ts'
import type { ProblemCode } from '../servers/status.ts'

/** What doctor alone can find, by a code that stays the same between releases. The others have the code of the problem. */
export type FindingCode =
  | ProblemCode
  | 'DOCTOR_SILENT'
  | 'DOCTOR_OTHER_ROLE'
  | 'DOCTOR_OLD_VERSION'
  | 'DOCTOR_NO_PRIMARY'
  | 'DOCTOR_TIMELINE'
  | 'DOCTOR_NO_LAG'
  | 'DOCTOR_PAUSED'
  | 'DOCTOR_LATE'
  | 'DOCTOR_APPLY_DELAY'
  | 'DOCTOR_NOT_STREAMING'
  | 'DOCTOR_CONFLICTS'
  | 'DOCTOR_ENDLESS_CONFLICTS'
  | 'DOCTOR_UNUSED_SLOT'
  | 'DOCTOR_TABLES'
  | 'DOCTOR_SUPERUSER'
  | 'DOCTOR_FEW_CONNECTIONS'
  | 'DOCTOR_IDLE_LIMIT'
  | 'DOCTOR_PROXY_LIMIT'
  | 'DOCTOR_UNENCRYPTED'
  | 'DOCTOR_POOLER'
  | 'DOCTOR_TOO_NEAR'
  | 'DOCTOR_TOO_FAR'
  | 'DOCTOR_MACHINE_STOPPED'
  | 'DOCTOR_REGION_NOT_LISTED'
  | 'DOCTOR_NO_SUCH_REGION'
  | 'DOCTOR_NO_READS'

interface Told {
  /** `undefined`: it concerns all servers. */
  readonly server: string | undefined
  /** What was found. */
  readonly message: string
}

interface Good extends Told {
  readonly verdict: 'good'
}

/** `bad`: it is to be fixed. `unknown`: whether it is could not be seen from here. */
export interface Remark extends Told, Remedy {
  readonly verdict: 'bad' | 'unknown'
  readonly code: FindingCode
}

/** One thing that was looked at. */
export type Finding = Good | Remark

/** Makes the findings of one server, or of all. */
export interface Say {
  good(message: string): Finding
  bad(code: FindingCode, message: string, remedy: Remedy): Finding
  unknown(code: FindingCode, message: string, remedy: Remedy): Finding
}

export function sayOf(server: string | undefined): Say {
  return {
    good: (message) => ({ server, verdict: 'good', message }),
    bad: (code, message, { why, mend }) => ({ server, verdict: 'bad', message, code, why, mend }),
    unknown: (code, message, { why, mend }) => ({ server, verdict: 'unknown', message, code, why, mend }),
  }
}
