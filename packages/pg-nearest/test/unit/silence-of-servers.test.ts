import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { afterListening, nextLiveness, type Liveness, type LivenessSign } from '../../src/server-watch/liveness.ts'
import { classifyServerError } from '../../src/server-watch/classify-server-error.ts'
import { createStallAwareClock } from '../../src/monitor/stall-aware-clock.ts'
import { SilentError } from '../../src/limits/stall-aware-timeout.ts'

const answer = (code: string, severity = 'FATAL'): Error => Object.assign(new Error('said'), { code, severity })
const failure = (code: string): Error => Object.assign(new Error('failed'), { code })

describe('what a failed question says of the server', () => {
  test.each([
    { what: 'no slot left', error: answer('53300'), sign: 'refused', contact: 'word' },
    { what: 'a wrong password', error: answer('28P01'), sign: 'refused', contact: 'word' },
    { what: 'no entry in pg_hba.conf', error: answer('28000'), sign: 'refused', contact: 'word' },
    { what: 'no such database', error: answer('3D000'), sign: 'refused', contact: 'word' },
    { what: 'a right that is missing', error: answer('42501', 'ERROR'), sign: 'refused', contact: 'word' },
    {
      what: 'no password here',
      error: new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
      sign: 'refused',
      contact: 'word',
    },
    { what: 'starting up', error: answer('57P03'), sign: 'unreachable', contact: 'word' },
    { what: 'shutting down', error: answer('57P01'), sign: 'unreachable', contact: 'word' },
    { what: 'a pooler without its server', error: answer('08006'), sign: 'unreachable', contact: 'word' },
    { what: 'nobody at the port', error: failure('ECONNREFUSED'), sign: 'unreachable', contact: 'unclear' },
    { what: 'a reset', error: failure('ECONNRESET'), sign: 'unreachable', contact: 'unclear' },
    { what: 'an unknown name', error: failure('ENOTFOUND'), sign: 'unreachable', contact: 'unclear' },
    { what: 'a certificate', error: failure('CERT_HAS_EXPIRED'), sign: 'unreachable', contact: 'unclear' },
    { what: 'anything else', error: 'a string', sign: 'unreachable', contact: 'unclear' },
    { what: 'no route', error: failure('EHOSTUNREACH'), sign: 'unreachable', contact: 'nothing' },
    { what: 'a time-out of the network', error: failure('ETIMEDOUT'), sign: 'unreachable', contact: 'nothing' },
    { what: 'no answer in time', error: new SilentError(1_200), sign: 'silent', contact: 'nothing' },
    { what: 'a code that only looks like an answer', error: failure('53300'), sign: 'unreachable', contact: 'unclear' },
  ])('$what: $sign, $contact', ({ error, sign, contact }) => {
    expect(classifyServerError(error)).toEqual({ sign, contact })
  })
})

describe('whether a server is heard from', () => {
  const heard: Liveness = { state: 'heard', at: 5 }
  const silent: Liveness = { state: 'silent', forMs: 2_000 }
  test.each<{ before: Liveness; sign: LivenessSign; then: Liveness }>([
    { before: heard, sign: 'word', then: { state: 'heard', at: 9 } },
    { before: heard, sign: 'nothing', then: { state: 'silent', forMs: 1_200 } },
    { before: heard, sign: 'unclear', then: heard },
    { before: silent, sign: 'word', then: { state: 'heard', at: 9 } },
    { before: silent, sign: 'nothing', then: silent },
    { before: silent, sign: 'unclear', then: silent },
  ])('$before.state, $sign: $then.state', ({ before, sign, then }) => {
    expect(nextLiveness(before, sign, 9, 1_200)).toEqual(then)
  })

  type Step = LivenessSign | number
  const steps = fc.array(
    fc.oneof(
      fc.constantFrom<Step>('word', 'nothing', 'unclear'),
      fc.integer({ min: 0, max: 500 }) as fc.Arbitrary<Step>,
    ),
  )

  test('whatever happens: any word ends a silence, nothing else does, and only an unanswered question begins one', () => {
    fc.assert(
      fc.property(steps, (history) => {
        let contact: Liveness = { state: 'heard', at: 0 }
        for (const [at, step] of history.entries()) {
          const before: Liveness = contact
          contact = typeof step === 'number' ? afterListening(before, step) : nextLiveness(before, step, at, 0)
          if (step === 'word') expect(contact).toEqual({ state: 'heard', at })
          if (before.state === 'heard' && contact.state === 'silent') expect(step).toBe('nothing')
          if (before.state === 'silent' && contact.state === 'heard') expect(step).toBe('word')
        }
      }),
    )
  })

  test('a silence lasts as long as was listened in vain since it began', () => {
    fc.assert(
      fc.property(steps, (history) => {
        let contact: Liveness = { state: 'heard', at: 0 }
        let vain: number | undefined
        for (const [at, step] of history.entries()) {
          if (step === 'word') vain = undefined
          else if (step === 'nothing') vain ??= 0
          else if (typeof step === 'number' && vain !== undefined) vain += step
          contact = typeof step === 'number' ? afterListening(contact, step) : nextLiveness(contact, step, at, 0)
        }
        expect(contact.state === 'silent' ? contact.forMs : undefined).toBe(vain)
      }),
    )
  })
})

test('the time in which this process was too busy to listen is not counted, but for a tick, so that one that is always busy does not wait for ever', () => {
  const clock = createStallAwareClock(100, 0)
  expect([100, 205, 2_800, 2_895].map((now) => clock.tick(now))).toEqual([100, 100, 100, 95])
})
