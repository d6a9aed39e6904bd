import type { Attributes, BatchObservableResult, Meter, MetricOptions, Observable } from '@opentelemetry/api'
import type { PublicAddress } from '../servers/public-addresses.ts'
import type { ServerStatus, Status } from '../servers/status.ts'
import { SYSTEM } from './attributes.ts'

export interface StatusPool {
  status(): Status
}

/** Observes `pool.status()` whenever the meter collects. Asks no server. Returns a function that stops it. */
export function startServerTelemetry(
  pool: StatusPool,
  addresses: ReadonlyMap<string, PublicAddress>,
  meter: Meter,
): () => void {
  const sum = (name: string, options: MetricOptions): Observable => meter.createObservableUpDownCounter(name, options)
  const gauge = (name: string, options: MetricOptions): Observable => meter.createObservableGauge(name, options)
  const connections = sum('db.client.connection.count', {
    description: 'The number of connections that are currently in state described by the `state` attribute.',
    unit: '{connection}',
  })
  const waiting = sum('db.client.connection.pending_requests', {
    description: 'The number of current pending requests for an open connection.',
    unit: '{request}',
  })
  const roundTrip = gauge('pg_nearest.server.round_trip_time', {
    description: 'One round trip to the server, as a moving average.',
    unit: 's',
  })
  const staleness = gauge('pg_nearest.server.staleness', {
    description: 'How far the server is behind the primary at most; 0 on a primary.',
    unit: 's',
  })
  const up = gauge('pg_nearest.server.up', {
    description: '1 if the server answered when it was last asked, else 0; nothing before it was asked.',
    unit: '1',
  })

  const observe = (result: BatchObservableResult): void => {
    for (const server of pool.status().servers) {
      const attributes = serverAttributes(server)
      const ofPool = { ...SYSTEM, 'db.client.connection.pool.name': addresses.get(server.name)?.label ?? server.name }
      const { total, idle, waiting: requests } = server.connections
      const count = (state: string): Attributes => ({ ...ofPool, ...attributes, 'db.client.connection.state': state })
      result.observe(connections, idle, count('idle'))
      result.observe(connections, total - idle, count('used'))
      result.observe(waiting, requests, { ...ofPool, ...attributes })
      const withRole = { ...attributes, 'pg_nearest.role': server.role }
      // A single database is never probed.
      if (server.health !== 'connecting') result.observe(up, server.health === 'up' ? 1 : 0, withRole)
      if (server.rttMs !== undefined) result.observe(roundTrip, server.rttMs / 1_000, withRole)
      if (server.stalenessMs !== undefined) result.observe(staleness, server.stalenessMs / 1_000, withRole)
    }
  }
  const all = [connections, waiting, roundTrip, staleness, up]
  meter.addBatchObservableCallback(observe, all)
  return () => meter.removeBatchObservableCallback(observe, all)
}

function serverAttributes({ name, region }: ServerStatus): Attributes {
  return { 'pg_nearest.server': name, ...(region === undefined ? {} : { 'pg_nearest.region': region }) }
}
