import type { Role } from './topology-types.ts'

/**
 * Whether the server behind a connection counts as in recovery, so that what it shows may be behind.
 *
 * @param inRecovery - the connection's last `in_hot_standby`; `undefined` before PostgreSQL 14. Behind a pooler it may be what another server
 * has told the pooler once.
 * @param introduced - it was asked which machine it leads to.
 * @param probed - the role of that machine, or of the one that the last probe led to.
 */
export function isInRecovery(
  inRecovery: boolean | undefined,
  introduced: boolean,
  pooled: boolean,
  probed: Role,
): boolean {
  if (inRecovery === undefined || (!inRecovery && pooled)) return probed === 'replica'
  // As long as it has not told its machine, it may lead to another one than the probe.
  return inRecovery && (!introduced || probed !== 'primary')
}

/** Whether that server itself has told on the connection that it is in recovery, and no probe says otherwise, so that it cannot write. */
export function provesRecovery(
  inRecovery: boolean | undefined,
  pooled: boolean,
  machine: string | undefined,
  probes: { probedRole(machine: string | undefined): Role },
): boolean {
  if (inRecovery !== true || pooled) return false
  const role = probes.probedRole(machine)
  if (role === 'primary') return false
  return machine === undefined || role === 'replica' || probes.probedRole(undefined) !== 'primary'
}
