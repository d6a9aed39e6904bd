import { DrizzleQueryError } from 'drizzle-orm'
import { HTTPException } from 'hono/http-exception'
import { NoServerError, OutcomeUnknownError } from 'pg-nearest'
import { expect, it } from 'vitest'
import { describeFailure } from '../../src/web/failure.ts'

const unreachable = new NoServerError('no server', [], [], 'NEAREST_NO_SERVER')
const unknown = new OutcomeUnknownError('insert …', 'nrt', new Error('socket'))
const circular = new Error('a')
circular.cause = new Error('b', { cause: circular })

it.each([
  [new HTTPException(400), 400, 'That form could not be read'],
  [new HTTPException(403), 403, 'That form came from another site'],
  [new HTTPException(413), 413, 'That form is too large'],
  [new HTTPException(418), 500, 'Something went wrong'],
  [unreachable, 503, 'The database cannot be reached'],
  [new DrizzleQueryError('select', [], unreachable), 503, 'The database cannot be reached'],
  [new DrizzleQueryError('insert', [], unknown), 503, 'We could not see whether that was saved'],
  [new Error('relation "users" does not exist'), 500, 'Something went wrong'],
  [circular, 500, 'Something went wrong'],
  ['thrown text', 500, 'Something went wrong'],
  [undefined, 500, 'Something went wrong'],
])('%s', (error, status, title) => {
  expect(describeFailure(error)).toMatchObject({ status, title })
})
