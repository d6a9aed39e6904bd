import { NearestError } from '../errors.ts'
import type { Consistency } from '../session/consistency.ts'

interface Missing {
  readonly machine: string
  readonly lsn: bigint
  readonly bytes: bigint
}

/** A server lacks something that a statement must show. That is tried on the next server. */
export class ReplicaBehindError extends NearestError {
  override readonly name = 'ReplicaBehindError'
  readonly server: string
  readonly #missing: Missing | undefined

  /** @param asked - what the read's caller has asked for beyond its session; `replaced`: it is a primary that is not the latest. */
  constructor(server: string, missing?: Missing, asked?: Consistency | 'replaced') {
    super('NEAREST_BEHIND', asked === 'replaced' ? replaced(server) : behind(server, asked))
    this.server = server
    this.#missing = missing
  }

  /** How far it is behind, if waiting may help. Not a property of its own: an app may log it as JSON, which knows no bigint. */
  get missing(): Missing | undefined {
    return this.#missing
  }
}

/** It may have heard of its replacement by the next try. */
function replaced(server: string): string {
  return `${server} is not the latest primary that this session has seen: what is written there may be lost. Try again.`
}

function behind(server: string, asked: Consistency | undefined): string {
  return `${server} does not show ${wantOf(asked)}: try again, or read with consistency: 'eventual'.`
}

function wantOf(asked: Consistency | undefined): string {
  if (asked === undefined) return 'yet what this session has written or seen'
  const what = typeof asked === 'object' ? 'maxStalenessMs' : `consistency: '${asked}'`
  return `for certain what a read with ${what} must show`
}
