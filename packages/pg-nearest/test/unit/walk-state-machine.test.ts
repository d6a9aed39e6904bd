import { describe, expect, test } from 'vitest'
import { nextStep, type WalkEvent } from '../../src/walk-states/walk-state-machine.ts'
import { beginWalk, type WalkFacts } from '../../src/walk-states/walk-state.ts'
import type { Attempt } from '../../src/route/plan-servers.ts'
import {
  after,
  behind,
  evidence,
  failed,
  failure,
  lost,
  on,
  queue,
  READS,
  readOnlyPrimary,
  readOnlyStandby,
  replanned,
  slow,
  unreachable,
  WRITES,
} from './walk-events.ts'

describe('the next step', () => {
  test.each<[string, WalkFacts, Attempt[], (WalkEvent | 'admit')[], string[]]>([
    ['it begins with the first server', READS, on('ord', 'nrt'), [], ['0: try ord']],
    ['a result is taken', READS, on('ord'), [{ kind: 'succeeded', leg: 0 }], ['0: succeed']],
    ['nothing comes after it', READS, on('ord'), [{ kind: 'succeeded', leg: 0 }, failure(lost)], []],
    [
      'an error of its own is the end',
      READS,
      on('ord', 'nrt'),
      [failure(evidence('answered', '42601'))],
      ['0: abandon', 'fail: error'],
    ],
    ['a server that is gone is passed over', WRITES, on('nrt', 'syd'), [failure(unreachable)], ['0: try syd']],
    ['nobody is left', WRITES, on('nrt'), [failure(unreachable)], ['fail: nobody-left']],
    ['a primary may come', WRITES, on('nrt'), [failure(unreachable, { mayWait: true })], ['wait, round 1']],
    [
      'it has come',
      WRITES,
      on('nrt'),
      [failure(unreachable, { mayWait: true }), { kind: 'waited', attempts: on('syd') }],
      ['0: try syd'],
    ],
    [
      'it has not',
      WRITES,
      on('nrt'),
      [failure(unreachable, { mayWait: true }), { kind: 'waited', attempts: undefined }],
      ['fail: no-primary'],
    ],
    [
      'a database that does not exist does not come by waiting',
      WRITES,
      on('nrt'),
      [failure({ kind: 'no-connection', why: 'refused', error: { code: '3D000' } }, { mayWait: true })],
      ['fail: nobody-left'],
    ],
    [
      'a connection that had died is made anew',
      WRITES,
      on('nrt', 'syd'),
      [failure(evidence('unsent'))],
      ['0: try nrt'],
    ],
    [
      'three times',
      WRITES,
      on('nrt', 'syd'),
      Array.from({ length: 4 }, () => failure(evidence('unsent'))),
      ['0: try syd'],
    ],
    [
      'a connection of a name that led to a standby is made anew, too',
      WRITES,
      on('nrt', 'syd'),
      Array.from({ length: 8 }, () => failure(evidence('misled'))),
      ['0: try nrt'],
    ],
    [
      'but not without end',
      WRITES,
      on('nrt'),
      Array.from({ length: 9 }, () => failure(evidence('misled'), { mayWait: true })),
      ['wait, round 1'],
    ],
    ['a write that was lost', WRITES, on('nrt', 'syd'), ['admit', failure(lost)], ['0: abandon', 'fail: unknown']],
    [
      'what reads and was lost on a primary goes to those that cannot write',
      READS,
      on('nrt', 'ord'),
      ['admit', failure(lost, { primaries: on('nrt') })],
      ['0: try ord once more'],
    ],
    [
      'and is told as unknown when nobody has answered',
      READS,
      on('nrt', 'ord'),
      ['admit', failure(lost), failure(unreachable)],
      ['fail: unknown'],
    ],
    [
      'a standby’s read that was lost',
      READS,
      on('ord', 'nrt'),
      [failure(lost, { standby: true })],
      ['0: try nrt once more'],
    ],
    [
      'the budget of retries is spent',
      READS,
      on('ord', 'nrt'),
      [failure(lost, { standby: true }), { kind: 'no-budget', leg: 0 }],
      ['fail: budget'],
    ],
    [
      'a standby refuses: the primary',
      READS,
      on('ord', 'syd'),
      [failure(readOnlyStandby, { standby: true, primaries: on('nrt') })],
      ['0: try nrt'],
    ],
    [
      'a standby refuses, and no primary is known',
      READS,
      on('ord', 'syd'),
      [failure(readOnlyStandby, { standby: true })],
      ['fail: refused'],
    ],
    [
      'a replica that may lack what a migration made: the primary, which counts as a retry',
      READS,
      on('ord', 'syd'),
      [failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') })],
      ['0: try nrt once more'],
    ],
    [
      'whose word counts',
      READS,
      on('ord', 'syd'),
      [
        failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') }),
        failure(evidence('answered', '42703')),
      ],
      ['0: abandon', 'fail: error'],
    ],
    [
      'with the budget of retries spent the replica’s own word',
      READS,
      on('ord', 'syd'),
      [failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') }), { kind: 'no-budget', leg: 0 }],
      ['fail: refused'],
    ],
    [
      'and so with a primary that cannot be reached, without waiting for one',
      READS,
      on('ord', 'syd'),
      [
        failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') }),
        failure(unreachable, { mayWait: true }),
      ],
      ['fail: refused'],
    ],
    [
      'a primary that the other leg is asking is not asked twice',
      READS,
      on('ord', 'syd'),
      [
        { kind: 'slow', attempts: on('nrt') },
        failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') }),
      ],
      [],
    ],
    [
      'a handle of a region gives that region’s answer',
      { ...READS, readOnly: true, regional: true },
      on('ord'),
      [failure(evidence('answered', '42P01'), { standby: true, primaries: on('nrt') })],
      ['0: abandon', 'fail: error'],
    ],
    [
      'what reads and was lost on a standby is kept from writing, and a refusal then tells nobody anything',
      READS,
      on('ord', 'nrt'),
      [failure(lost, { standby: true }), failure(readOnlyPrimary, { forced: true })],
      ['0: abandon', 'fail: unknown'],
    ],
    [
      'nor does another standby’s',
      READS,
      on('ord', 'syd'),
      [failure(lost, { standby: true }), failure(readOnlyStandby, { standby: true, primaries: on('nrt') })],
      ['0: abandon', 'fail: unknown'],
    ],
    [
      'a refusal of what may be no primary any more is followed by one wait for a primary',
      WRITES,
      on('nrt'),
      [failure(readOnlyPrimary, { mayWait: true, primaries: on('nrt') })],
      ['wait, round 1'],
    ],
    [
      'and if it still is the primary, by no other',
      WRITES,
      on('nrt'),
      [
        failure(readOnlyPrimary, { mayWait: true, primaries: on('nrt') }),
        { kind: 'waited', attempts: on('nrt') },
        failure(readOnlyPrimary, { mayWait: true, primaries: on('nrt') }),
      ],
      ['0: abandon', 'fail: error'],
    ],
    [
      'a primary that is none any more is not asked again',
      WRITES,
      on('nrt'),
      [failure(readOnlyStandby, { primaries: on('nrt') })],
      ['fail: refused'],
    ],
    [
      'a prepared statement that is gone: once more',
      READS,
      on('nrt'),
      [failure(evidence('answered', '26000'))],
      ['0: try nrt once more'],
    ],
    [
      'and not again',
      READS,
      on('nrt'),
      [failure(evidence('answered', '26000')), failure(evidence('answered', '26000'))],
      ['0: abandon', 'fail: error'],
    ],
    ['a server that is behind', READS, on('ord'), [failure({ kind: 'behind', error: behind })], ['0: catch-up']],
    [
      'that catches up',
      READS,
      on('ord', 'nrt'),
      [failure({ kind: 'behind', error: behind }), { kind: 'caught-up', leg: 0, yes: true, mayWait: false }],
      ['0: try ord'],
    ],
    [
      'that does not',
      READS,
      on('ord', 'nrt'),
      [failure({ kind: 'behind', error: behind }), { kind: 'caught-up', leg: 0, yes: false, mayWait: false }],
      ['0: try nrt'],
    ],
    [
      'rows that cannot be read: it was done',
      READS,
      on('ord', 'nrt'),
      ['admit', failure({ kind: 'unreadable', error: failed })],
      ['0: abandon', 'fail: error'],
    ],
    ['nobody is known, and nobody comes', READS, [], [], ['wait, round 1']],
    ['a plan that is old', READS, on('nrt'), [replanned(on('ord'))], ['0: try ord']],
    ['a new plan without anybody: a primary may come', READS, on('nrt'), [replanned([])], ['wait, round 1']],
    [
      'or is not waited for',
      READS,
      on('nrt'),
      [{ kind: 'replanned', leg: 0, attempts: [], mayWait: false, unlisted: false }],
      ['fail: nobody-left'],
    ],
    [
      'a plan that is old once more is followed to its end',
      READS,
      on('nrt'),
      [replanned(on('nrt', 'ord')), replanned(on('syd'))],
      ['0: try ord'],
    ],
    [
      'unless its server has left the list, however often',
      WRITES,
      on('nrt'),
      [replanned(on('blue')), replanned(on('green'), true), replanned(on('red'), true)],
      ['0: try red'],
    ],
    [
      'a list that has changed meanwhile is followed when its server fails, which comes last',
      READS,
      on('nrt'),
      [failure(unreachable, { relisted: on('nrt', 'ord') })],
      ['0: try ord'],
    ],
    [
      'and is tried again, as it may be another server',
      WRITES,
      on('nrt'),
      [failure(unreachable, { relisted: on('nrt') }), failure(unreachable, { mayWait: true })],
      ['wait, round 1'],
    ],
    ['and then a primary may come', READS, on('nrt'), [replanned(on('nrt')), replanned(on('syd'))], ['wait, round 1']],
    ['a slow read is asked of a second server', READS, on('ord', 'nrt'), [slow], ['1: try nrt']],
    ['and of no third', READS, on('ord', 'nrt'), [slow, { kind: 'slow', attempts: on('syd') }], []],
    [
      'the first answer counts',
      READS,
      on('ord', 'nrt'),
      [slow, { kind: 'succeeded', leg: 1 }],
      ['0: abandon', '1: succeed'],
    ],
    ['one leg leaves it to the other', READS, on('ord'), [slow, failure(lost, { standby: true })], []],
    ['what one has waited for in vain, too', READS, on('ord'), [slow, failure(queue)], []],
    [
      'the last one has the last word',
      READS,
      on('ord'),
      [slow, failure(queue), failure(queue, { leg: 1 })],
      ['fail: error'],
    ],
    [
      'the server’s own answer settles it',
      READS,
      on('ord', 'nrt'),
      [slow, failure(evidence('answered', '42601'), { leg: 1 })],
      ['0: abandon', '1: abandon', 'fail: error'],
    ],
    [
      'a cut',
      READS,
      on('ord', 'nrt'),
      [slow, { kind: 'cut', error: failed }],
      ['0: abandon', '1: abandon', 'fail: cut'],
    ],
    ['what comes from a leg that there is not', READS, on('ord'), [failure(lost, { leg: 1 })], []],
  ])('%s', (_, facts, attempts, events, commands) => {
    expect(after(facts, attempts, ...events)).toEqual(commands)
  })

  test('the budget of retries does not hide that it may have written', () => {
    const events = ['admit', failure(lost, { primaries: on('nrt') }), { kind: 'no-budget', leg: 0 }] as const
    expect(after(READS, on('nrt', 'ord'), ...events)).toContain('fail: unknown')
  })

  test('nor does a primary that was waited for in vain', () => {
    const events = ['admit', failure(lost, { mayWait: true }), { kind: 'waited', attempts: undefined }] as const
    expect(after(READS, on('nrt'), ...events)).toEqual(['fail: unknown'])
  })

  test('what has called a function on a primary that lacks what it must show may have written, and nobody else has answered', () => {
    const ran = (callsFunction: boolean) =>
      failure({ kind: 'behind', error: behind, mayHaveWritten: true, callsFunction })
    const ends = [false, true].map((calls) =>
      after(READS, on('nrt'), 'admit', ran(calls), { kind: 'caught-up', leg: 0, yes: false, mayWait: false }).at(-1),
    )
    expect(ends).toEqual(['fail: nobody-left', 'fail: unknown'])
  })

  test('the budget of retries ends one leg, and leaves the other its answer', () => {
    const hedgeLost = failure(lost, { leg: 1, standby: true })
    const events = [{ kind: 'slow', attempts: on('syd', 'lhr') }, hedgeLost, { kind: 'no-budget', leg: 1 }] as const
    expect(after(READS, on('ord'), ...events)).toEqual([])
  })

  test.each([false, true])('what is planned anew again and again ends by itself (off the list: %s)', (unlisted) => {
    let [state] = nextStep(beginWalk(READS, on('nrt')), { kind: 'begun', mayWait: false })
    let steps = 0
    while (!state.over && steps < 10_000) {
      ;[state] = nextStep(state, replanned(on('nrt'), unlisted))
      steps++
    }
    expect(state.over).toBe(true)
  })
})
