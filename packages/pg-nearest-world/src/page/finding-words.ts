import type { Finding } from '../chaos/verdict.ts'
import { placeOf } from './places.ts'

/** What went wrong, in a sentence. */
export function findingWords({ wrong, deed, ids = [], stale }: Finding): string {
  const where = deed === undefined ? '' : ` in ${placeOf(deed.app).city}`
  switch (wrong) {
    case 'lost':
    case 'torn':
      return `A write that was acknowledged${where} is gone: row ${ids.join(', ')}.`
    case 'twice':
      return `A write${where} is there twice: row ${ids.join(', ')}.`
    case 'refused, and there':
      return `A write${where} was refused, and is there all the same: row ${ids.join(', ')}.`
    case 'nobody’s':
      return `Nobody has written what is there: row ${ids.join(', ')}.`
    case 'failed read':
    case 'aborted read':
      return `A ${deed?.kind ?? 'read'}${where} failed after ${Math.round((deed?.completedAt ?? 0) - (deed?.invokedAt ?? 0))} ms: ${deed?.message ?? ''}`
    case 'guarantee': {
      const { earlier, read } = stale ?? {}
      return `A session in ${placeOf(read?.from ?? '').city} went back from version ${earlier?.version} to ${read?.version}, read from ${read?.servedBy?.server}.`
    }
  }
}
