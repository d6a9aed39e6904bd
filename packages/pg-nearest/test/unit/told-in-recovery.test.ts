import { describe, expect, test } from 'vitest'
import {
  NO_REPLY,
  wasToldInRecovery,
  type PositionQuestions,
  type PositionReply,
} from '../../src/session-positions/position-question.ts'

const answer = (standby: boolean): PositionReply => ({
  position: { standby, lsn: 1n, timeline: undefined, systemIdentifier: undefined },
  introduction: undefined,
})
const [STANDBY, PRIMARY] = [answer(true), answer(false)]
const REFUSED: PositionReply = { position: 'refused', introduction: undefined }

const asked = (shared: boolean, answerBefore: PositionReply, answerAfter: PositionReply) =>
  ({ shared, answerBefore, answerAfter }) satisfies Partial<PositionQuestions>

describe('whether a server has told that a read ran there in recovery', () => {
  const direct = { direct: true, standby: true }
  const promoted = { direct: true, standby: false }
  const pooled = { direct: false, standby: true }
  const unknown = { direct: undefined, standby: true }
  test.each([
    ['by nothing', direct, undefined, false],
    ['ahead of it', direct, asked(false, STANDBY, NO_REPLY), true],
    ['ahead of it, and has told of its promotion since', promoted, asked(false, STANDBY, NO_REPLY), false],
    ['behind it', direct, asked(false, NO_REPLY, STANDBY), true],
    ['behind it, on what was taken for a primary', promoted, asked(false, NO_REPLY, STANDBY), true],
    ['that it is a primary', direct, asked(false, NO_REPLY, PRIMARY), false],
    ['that it may not tell', direct, asked(false, REFUSED, REFUSED), false],
    ['as one of those behind a pooler', pooled, asked(false, STANDBY, STANDBY), false],
    ['behind a pooler in its transaction, ahead of it', pooled, asked(true, STANDBY, NO_REPLY), true],
    ['behind a pooler in its transaction, behind it', pooled, asked(true, NO_REPLY, STANDBY), true],
    ['behind a pooler that it is a primary', pooled, asked(true, PRIMARY, NO_REPLY), false],
    ['behind what may be a pooler', unknown, asked(false, STANDBY, STANDBY), false],
  ] as const)('%s', (_, lease, questions, expected) => {
    expect(wasToldInRecovery(lease, questions)).toBe(expected)
  })
})
