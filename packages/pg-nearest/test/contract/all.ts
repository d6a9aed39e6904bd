import { borrowing } from './borrowing.ts'
import { counts } from './counts.ts'
import { endings } from './endings.ts'
import { errorEvents, events } from './events.ts'
import { failureContract } from './failures.ts'
import { hooks } from './hooks.ts'
import { options } from './options.ts'
import { poolFaces } from './pool-faces.ts'
import { queryContract } from './queries.ts'
import { releasing } from './releasing.ts'
import { submittableContract } from './submittables.ts'
import { transactions } from './transactions.ts'

/** What users of `pg.Pool` rely on: written from its documentation and from what the suites of pg and pg-pool ask of it. */
export const contract = [
  ...queryContract,
  ...borrowing,
  ...releasing,
  ...transactions,
  ...events,
  ...errorEvents,
  ...counts,
  ...options,
  ...hooks,
  ...endings,
  ...poolFaces,
  ...failureContract,
  ...submittableContract,
]
