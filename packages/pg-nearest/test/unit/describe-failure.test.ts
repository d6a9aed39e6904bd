import { describe, expect, test } from 'vitest'
import { noteDialling, type Dialling } from '../../src/driver-errors.ts'
import { SilentError } from '../../src/limits/stall-aware-timeout.ts'
import { describeFailure } from '../../src/failures/describe-failure.ts'
import type { FailureCode } from '../../src/topology/problem.ts'

const at = (stage: Dialling['stage']): Dialling => ({ host: 'db.example.com', port: 5433, stage })
const of = (code: string, more: object = {}): Error => Object.assign(new Error('it says'), { code, ...more })
const closed = (): Error => new Error('Connection terminated unexpectedly')

describe('why a server could not be used', () => {
  test.each<[string, Error, Dialling['stage'] | undefined, FailureCode, string]>([
    [
      'refused',
      of('ECONNREFUSED'),
      'dialling',
      'NEAREST_NOTHING_LISTENS',
      'nothing listens on port 5433 of db.example.com',
    ],
    ['refused, nobody knows where', of('ECONNREFUSED'), undefined, 'NEAREST_NOTHING_LISTENS', 'the port in its URL'],
    ['no such socket', of('ENOENT'), 'dialling', 'NEAREST_NOTHING_LISTENS', 'nothing listens'],
    ['no way there', of('EHOSTUNREACH'), 'dialling', 'NEAREST_UNREACHABLE', 'a firewall'],
    [
      'nobody takes the connection',
      new SilentError(9),
      'dialling',
      'NEAREST_UNREACHABLE',
      'does not answer on port 5433',
    ],
    ['the same, by pg', new Error('timeout expired'), 'dialling', 'NEAREST_UNREACHABLE', 'a firewall'],
    ['silence behind a connection', new SilentError(9), 'connected', 'NEAREST_SILENT_PORT', 'says nothing'],
    ['silence behind an answer', new SilentError(9), 'answered', 'NEAREST_UNUSABLE', 'did not answer within 9 ms'],
    ['silence later', new SilentError(9), undefined, 'NEAREST_UNUSABLE', 'did not answer within 9 ms'],
    ['closed without a word', closed(), 'connected', 'NEAREST_CLOSED_PORT', 'on port 5433 of db.example.com'],
    ['closed behind an answer', closed(), 'answered', 'NEAREST_UNUSABLE', 'Connection terminated'],
    ['cut later', of('ECONNRESET'), undefined, 'NEAREST_CLOSED_PORT', 'nrt closed the connection: check that it runs.'],
    [
      'no address',
      of('ENOTFOUND'),
      'dialling',
      'NEAREST_HOST_NOT_FOUND',
      'host name (db.example.com) that was not found',
    ],
    [
      'no TLS',
      new Error('The server does not support SSL connections'),
      'answered',
      'NEAREST_NO_TLS',
      'sslmode=disable',
    ],
    ['a wrong password', of('28P01'), 'answered', 'NEAREST_AUTHENTICATION', 'the user or the password'],
    ['no database', of('3D000'), 'answered', 'NEAREST_NO_DATABASE', 'no such database'],
    [
      'a file',
      of('ENOENT', { syscall: 'open', path: '/ca.pem' }),
      undefined,
      'NEAREST_FILE',
      'without a file /ca.pem (ENOENT): check sslrootcert',
    ],
    ['a directory', of('EISDIR', { syscall: 'read' }), undefined, 'NEAREST_FILE', 'that is a directory (EISDIR)'],
    ['a CA', of('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'answered', 'NEAREST_CERTIFICATE', '(it says): give the CA'],
    ['a certificate’s name', of('ERR_TLS_CERT_ALTNAME_INVALID'), 'answered', 'NEAREST_CERTIFICATE', 'that it names'],
    ['a certificate’s end', of('CERT_HAS_EXPIRED'), 'answered', 'NEAREST_CERTIFICATE', 'renew it there'],
    [
      'full for the role',
      of('53300', { routine: 'InitializeSessionUserId' }),
      'answered',
      'NEAREST_FULL',
      'ALTER ROLE',
    ],
    [
      'full for the database',
      of('53300', { routine: 'CheckMyDatabase' }),
      'answered',
      'NEAREST_FULL',
      'ALTER DATABASE',
    ],
    [
      'full for the machine',
      of('53300', { routine: 'report_fork_failure_to_client' }),
      'answered',
      'NEAREST_FULL',
      'what its machine allows it',
    ],
    ['full', of('53300'), 'answered', 'NEAREST_FULL', 'no connection left'],
    ['stopped', of('57P01'), 'answered', 'NEAREST_STOPPED', 'was stopped'],
    ['starting', of('57P03'), 'answered', 'NEAREST_STARTING', 'starting up'],
    ['anything else', of('EPROTO'), 'connected', 'NEAREST_UNUSABLE', 'it says'],
  ])('%s', (_name, error, stage, code, says) => {
    if (stage !== undefined) noteDialling(error, at(stage))
    const problem = describeFailure('nrt', error)
    expect(problem.code).toBe(code)
    expect(problem.message).toContain(says)
  })
})
