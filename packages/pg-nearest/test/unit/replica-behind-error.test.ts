import { expect, test } from 'vitest'
import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'

test('a replica that is behind is told as JSON, without what only the walk needs to know', () => {
  const error = new ReplicaBehindError('ord', { machine: '1 10.0.0.1 5432', lsn: 2n ** 63n, bytes: 168n })
  expect(error.missing?.bytes).toBe(168n)
  const failed = [{ server: 'ord', error }]
  expect(JSON.parse(JSON.stringify({ server: 'nrt', failed }))).toEqual({
    server: 'nrt',
    failed: [{ server: 'ord', error: { name: 'ReplicaBehindError', code: 'NEAREST_BEHIND', server: 'ord' } }],
  })
})
