import { expect, test } from 'vitest'
import type { Lease } from '../../src/pooled-connection/lease.ts'
import { createKnownPositions } from '../../src/positions/known-positions.ts'
import { SessionState } from '../../src/session/session-state.ts'
import type { FreshnessContext } from '../../src/session-positions/freshness-context.ts'
import { NO_REPLY, type PositionQuestions } from '../../src/session-positions/position-question.ts'
import { PositionRecorder } from '../../src/session-positions/position-recorder.ts'
import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'
import { serverState, topologyOf } from './server-state.ts'

const ENDED = { proves: true, done: true, mayHaveWritten: false }
const asked: Pick<PositionQuestions, 'after' | 'shared' | 'inside' | 'introduction' | 'answerBefore'> = {
  after: true,
  shared: false,
  inside: false,
  introduction: undefined,
  answerBefore: NO_REPLY,
}

test('behind a read on a replica that was promoted, the old primary is not believed until nobody is on a later timeline', () => {
  const positions = createKnownPositions()
  const standby = { machine: 'b', lsn: 800n, standby: true, timeline: 1, systemIdentifier: '1' }
  positions.note('ord', { ...standby, at: performance.now() })
  const context = {
    topology: topologyOf([serverState({ name: 'nrt', role: 'primary' }), serverState({ name: 'ord' })]),
    positions,
    members: { isBalanced: () => false },
    process: undefined,
    stateOf: () => undefined,
  } as unknown as FreshnessContext
  const session = new SessionState()
  const recorder = new PositionRecorder(context, session, { bookmark: undefined }, true)
  // It has told of its promotion behind the statement, and no position.
  const leaseOf = (server: string, machine: string): Lease =>
    ({ server, machine, pooled: false, standby: false }) as Lease
  const unanswered = { ...asked, before: false, ofPrimary: false, sentAt: performance.now(), answerAfter: NO_REPLY }
  expect(recorder.after(leaseOf('ord', 'b'), unanswered, ENDED)).toBeUndefined()
  expect([session.blind, session.awaited?.timeline]).toEqual([true, 2])

  const readOnOldPrimary = (): ReplicaBehindError | undefined => {
    const position = { standby: false, lsn: 900n, timeline: 1, systemIdentifier: '1' }
    const answerAfter = { position, introduction: undefined }
    const questions = { ...asked, before: false, ofPrimary: true, sentAt: performance.now(), answerAfter }
    return recorder.after(leaseOf('nrt', 'a'), questions, ENDED)
  }
  expect(readOnOldPrimary()).toBeInstanceOf(ReplicaBehindError)
  // It was made to follow the old primary again.
  positions.note('ord', { ...standby, machine: 'c', at: performance.now() })
  expect(readOnOldPrimary()).toBeUndefined()
  expect([session.blind, session.awaited]).toEqual([false, undefined])
})

test('what a client has brought teaches nothing about a replica, also once the primary has refuted it', () => {
  const positions = createKnownPositions()
  const timeline = { timeline: 1, systemIdentifier: '1' }
  const context = {
    topology: topologyOf([serverState({ name: 'nrt', role: 'primary' }), serverState({ name: 'ord' })]),
    positions,
    members: { isBalanced: () => false, note: () => undefined },
    process: undefined,
    stateOf: () => undefined,
  } as unknown as FreshnessContext
  const forged = { ...timeline, lsn: 10_000n }
  const session = new SessionState(forged, { trusted: false })
  const recorder = new PositionRecorder(context, session, { bookmark: session.bookmark }, true)
  const lease = { server: 'ord', machine: 'b', pooled: false, standby: true } as Lease
  const foundBehind = (): boolean => {
    const position = { ...timeline, standby: true, lsn: 800n }
    const answerBefore = { position, introduction: undefined }
    const sentAt = performance.now()
    const questions = { ...asked, before: true, ofPrimary: false, sentAt, answerBefore, answerAfter: NO_REPLY }
    expect(recorder.before(lease, questions, false)).toBeInstanceOf(ReplicaBehindError)
    return positions.isFoundBehind('ord', 'b', performance.now())
  }
  expect(foundBehind()).toBe(false)
  recorder.settleClaim('nrt', { kind: 'position', position: { ...timeline, lsn: 900n, certainLsn: 900n } })
  expect(session.bookmark?.lsn).toBe(900n)
  expect(foundBehind()).toBe(false)
})
