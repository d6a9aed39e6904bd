import type { NearestPool } from '../../src/pool/nearest-pool.ts'

/** What a member of the team is asked to do, and what he answers. */
export type Task = { readonly id: number; readonly do: 'save' | 'look'; readonly item: number }

export interface Done {
  readonly id: number
  /** The version that he was told is saved, or that he saw. */
  readonly version: number
  readonly onPrimary: boolean
}

/** What a member in a process of its own says. */
export type Said = 'ready' | 'store failed' | Done | Failed

export interface Failed {
  readonly id: number
  readonly failed: string
}

export const KEY = 'team:1'
const SAVE = 'update items set version = version + 1 where id = $1 returning version'
const LOOK = 'select version from items where id = $1'

/** Does it in a session of the whole team. */
export function perform(pool: NearestPool, { id, do: what, item }: Task): Promise<Done> {
  return pool.sharedSession(KEY, async () => {
    const { rows, servedBy } = await pool.query<{ version: number }>(what === 'save' ? SAVE : LOOK, [item])
    return { id, version: rows[0]?.version ?? -1, onPrimary: servedBy.role === 'primary' }
  })
}
