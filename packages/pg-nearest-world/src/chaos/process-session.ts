import type { Operation } from './operation.ts'

const PREFIX = 'process '

/** The session of everything that a process does outside of its sessions; each region has one process. */
export function processSession(region: string): string {
  return `${PREFIX}${region}`
}

/**
 * With no primary in reach, a process' own session is promised an answer rather than a proof, and is told so. Nor is it promised to
 * see again what such an answer showed, for the next primary may not have it.
 */
export function saysUnproven({ session, servedBy }: Operation): boolean {
  return session.startsWith(PREFIX) && servedBy?.reason === 'unproven'
}
