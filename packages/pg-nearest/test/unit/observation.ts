import type { Observation } from '../../src/observations/topology-updates.ts'
import type { Problem } from '../../src/topology/problem.ts'

/** A healthy server's answer to a probe, and nothing else, unless said otherwise. */
export function observation(role: Observation['role'], known: Partial<Observation> = {}): Observation {
  return {
    role,
    machine: 'a',
    dialledAt: 0,
    pooled: false,
    lsn: 1_000n,
    walEnd: 1_000n,
    receiving: role === 'replica',
    timeline: 1,
    timelineIsLate: false,
    systemIdentifier: '7',
    version: '18.4',
    refused: [],
    pipelines: true,
    readOnly: false,
    clockMs: 1_005,
    rttMs: 10,
    sentAt: 0,
    askedAt: 1_000,
    answeredAt: 1_010,
    ...known,
  }
}

/** Why a server that is gone cannot be used. */
export const GONE: Problem = { code: 'NEAREST_UNUSABLE', message: 'gone' }
