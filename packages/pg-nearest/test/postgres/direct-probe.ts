import { parseServerUrl } from '../../src/discovery/parse-server-url.ts'
import { createProbe, type Probe, type ProbeOptions } from '../../src/probe/probe.ts'

/** A probe by itself, without a pool, whose limits are longer than a test. */
export function directProbe(url: string, options: Partial<ProbeOptions> = {}): Probe {
  const address = parseServerUrl(url, 'replicas')
  return createProbe({
    server: 'ord',
    login: () => ({ address, password: undefined, settings: {} }),
    connectTimeoutMs: 10_000,
    timeoutMs: 10_000,
    pipeline: true,
    waitForLsn: false,
    pgOptions: {},
    onLoss: () => undefined,
    ...options,
  })
}
