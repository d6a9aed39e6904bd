import * as fc from 'fast-check'
import type { QueryEvent } from 'pg-nearest'
import type { ReplayEvent } from 'pg-nearest/http'
import { describe, expect, it, test } from 'vitest'
import { readReplaySource } from '../../src/web/replay-source.ts'
import { WriteReportNote } from '../../src/web/write-report-note.tsx'
import { formatReport, parseReport, reportOf } from '../../src/web/write-report.ts'
import type { WriteReport } from '../../src/web/write-report.ts'

const written: QueryEvent = {
  text: 'insert into users',
  mode: 'normal',
  durationMs: 137,
  servedBy: { server: 'nrt', region: 'nrt', role: 'primary', reason: 'write', attempts: 1 },
}
const decision: ReplayEvent = { route: 'POST /users', run: 'here', reason: 'cheap', trips: 1 }
const arrivedAt = 1_790_000_000_000
const direct: WriteReport = { from: 'syd', primary: 'nrt', way: 'direct', trips: 1, begunAt: arrivedAt }
const replayed: WriteReport = { ...direct, way: 'replayed', trips: 6 }

describe('what a request has cost', () => {
  it('is told of one that has written', () => {
    const log = { queries: [written], decision }
    expect(reportOf({ region: 'syd', log, replay: undefined, arrivedAt })).toEqual(direct)
    expect(reportOf({ region: undefined, log, replay: undefined, arrivedAt })).toBe(undefined)
    expect(reportOf({ region: 'syd', log: { queries: [], decision }, replay: undefined, arrivedAt })).toBe(undefined)
  })

  it('begins for one that was replayed where it was sent again', () => {
    const log = { queries: [written], decision: { ...decision, trips: 6 } }
    const replay = { region: 'syd', sentAt: arrivedAt - 70 }
    expect(reportOf({ region: 'nrt', log, replay, arrivedAt })).toEqual({ ...replayed, begunAt: arrivedAt - 70 })
    const unknown = { region: 'syd', sentAt: undefined }
    expect(reportOf({ region: 'nrt', log, replay: unknown, arrivedAt })).toEqual(replayed)
  })
})

describe('the cookie', () => {
  test.each([direct, replayed])('comes back as %o', (report) => {
    expect(parseReport(formatReport(report))).toEqual(report)
  })

  it('may hold anything, and then says nothing', () => {
    for (const text of [undefined, '', 'x', 'syd~nrt~direct~1', '<b>~nrt~direct~1~1790000000000'])
      expect(parseReport(text)).toBe(undefined)
    fc.assert(fc.property(fc.string(), (text) => parseReport(text) === undefined))
  })
})

test.each([
  [undefined, undefined],
  ['', undefined],
  ['nonsense', undefined],
  ['region=<b>;t=1', undefined],
  ['instance=a1;region=syd;t=1790000000000123;state=x', { region: 'syd', sentAt: arrivedAt }],
  ['region=syd;t=yesterday', { region: 'syd', sentAt: undefined }],
  [' region=syd', { region: 'syd', sentAt: undefined }],
])('fly-replay-src: %s', (header, source) => {
  expect(readReplaySource(header)).toEqual(source)
})

describe('the note', () => {
  const regions = [
    { region: 'nrt', city: 'Tokyo', rttMs: 0 },
    { region: 'syd', city: 'Sydney', rttMs: 137 },
  ]
  const note = (report: WriteReport, known = regions): string =>
    String(WriteReportNote({ report, browsing: { regions: known, current: 'syd' }, now: arrivedAt + 140 }))
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim()

  test.each([
    [
      direct,
      'Direct Saved from Sydney in 140 ms: 1 trip to Tokyo The request ran in Sydney, and its one write went to the primary.',
    ],
    [
      { ...direct, trips: 6 },
      'Direct Saved from Sydney in 140 ms: 6 trips to Tokyo The request ran in Sydney, and waited for the primary 6 times. If such requests go on like this, they are replayed there.',
    ],
    [
      replayed,
      'Replayed Saved from Sydney in 140 ms: 1 trip to Tokyo The whole request ran in Tokyo, beside the primary, which it waited for 6 times. From Sydney that would have been 6 trips, 822 ms.',
    ],
    [{ ...direct, from: 'nrt' }, 'Next door Saved from Tokyo in 140 ms The primary stands here, in Tokyo.'],
  ] as const)('on %o', (report, text) => {
    expect(note(report)).toBe(text)
  })

  it('does without names of cities', () => {
    expect(note(replayed, [])).toContain('Saved from syd in 140 ms: 1 trip to nrt')
    expect(note(replayed, [])).toMatch(/would have been 6 trips\.$/)
  })
})
