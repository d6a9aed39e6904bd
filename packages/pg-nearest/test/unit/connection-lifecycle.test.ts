import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nextConnectionState,
  type ConnectionSignal,
  type ConnectionState,
} from '../../src/pooled-connection/connection-lifecycle.ts'

const SIGNALS: readonly ConnectionSignal[] = [
  'ready',
  'run',
  'lend',
  'return',
  'return-unsettled',
  'settled',
  'close',
  'socket-closed',
]

/** In the order of the signals above; `-`: cannot happen. */
const TABLE: Readonly<Record<ConnectionState, string>> = {
  //           ready run  lend return   unsettled settled close   socket-closed
  connecting: 'idle  -    -    -        -         -       closing closed',
  idle: '      -     busy lent -        -         -       closing closed',
  busy: '      -     -    -    idle     settling  -       closing closed',
  lent: '      -     -    -    idle     settling  -       closing closed',
  settling: '  -     -    -    -        -         idle    closing closed',
  closing: '   -     -    -    -        -         -       closing closed',
  closed: '    -     -    -    -        -         -       closed  closed',
}
const STATES = Object.keys(TABLE) as ConnectionState[]

const rows = STATES.flatMap((state) => {
  const cells = TABLE[state].trim().split(/\s+/)
  return SIGNALS.map((signal, i) => [state, signal, cells[i] ?? '?'] as const)
})

describe('what a connection does next', () => {
  test.each(rows)('%s, %s: %s', (state, signal, next) => {
    if (next === '-')
      expect(() => nextConnectionState(state, signal)).toThrow(`${state} cannot take the signal ${signal}`)
    else expect(nextConnectionState(state, signal)).toBe(next)
  })

  const anySignals = fc.array(fc.constantFrom(...SIGNALS), { maxLength: 30 })

  test('whatever comes, one that closes never does anything else', () => {
    fc.assert(
      fc.property(anySignals, (signals) => {
        let state: ConnectionState = 'connecting'
        for (const signal of signals) {
          const before = state
          try {
            state = nextConnectionState(state, signal)
          } catch {
            // It cannot happen, and changes nothing.
          }
          if (before === 'closing') expect(['closing', 'closed']).toContain(state)
          if (before === 'closed') expect(state).toBe('closed')
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('only one that is idle is taken, by one at a time', () => {
    fc.assert(
      fc.property(anySignals, (signals) => {
        let state: ConnectionState = 'connecting'
        let users = 0
        for (const signal of signals) {
          try {
            state = nextConnectionState(state, signal)
          } catch {
            continue
          }
          if (signal === 'run' || signal === 'lend') users++
          if (signal === 'return' || signal === 'return-unsettled') users--
          if (state === 'closing' || state === 'closed') users = 0
          expect(users).toBe(state === 'busy' || state === 'lent' ? 1 : 0)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
