import type { ProcessRegion } from '../../src/discovery/process-region.ts'
import type { ServerState, Topology } from '../../src/topology/topology-types.ts'

/** A process whose options say where it runs. */
export const IN_ORD: ProcessRegion = { region: 'ord', variable: undefined, unmatched: [] }

/** A server that is up and nothing else, unless said otherwise. */
export function serverState(known: Partial<ServerState>): ServerState {
  return {
    name: 'ord',
    region: 'ord',
    declared: 'replica',
    weight: 1,
    labels: [],
    role: 'replica',
    health: 'up',
    since: 0,
    failures: 0,
    readOnly: false,
    rttMs: 1,
    leastRttMs: 1,
    lsn: undefined,
    walEnd: undefined,
    receiving: undefined,
    lacksSince: undefined,
    timeline: 1,
    timelineIsLate: false,
    systemIdentifier: '1',
    seenInRecovery: false,
    standbys: [],
    seenBesidePrimary: false,
    version: '18.4',
    positions: 'full',
    refused: [],
    machine: 'a',
    members: [],
    pooled: false,
    pipelines: true,
    lagBytes: undefined,
    stalenessMs: undefined,
    stalledMs: undefined,
    problem: undefined,
    problemCode: undefined,
    lastSeenAt: undefined,
    ...known,
  }
}

export function topologyOf(servers: readonly ServerState[]): Topology {
  return { servers, asOf: 0 }
}
