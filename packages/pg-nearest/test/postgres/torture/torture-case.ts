import type pg from 'pg'
import spec from '../../../spec/torture.json' with { type: 'json' }

/** One entry of spec/torture.json. */
export interface TortureCase {
  readonly name: string
  readonly sql?: string
  /** Several statements, given in order to one client. */
  readonly steps?: readonly string[]
  readonly values?: readonly unknown[]
  /** The name of a prepared statement. */
  readonly statementName?: string
  /** Where it ends up outside of a read-write transaction; of several steps, the last one. */
  readonly server: string
  /** Where it ends up on a borrowed client, if not there. */
  readonly borrowed?: string
  /** Where it runs in a read-only transaction, if not there. */
  readonly readOnly?: string
  /**
   * The text does not show it: a standby is asked first, and refuses. `true`: only the first time. `each time`: the error
   * may come from the standby's being behind, so the next call asks it again.
   */
  readonly retried?: boolean | string
  /** The replica shows nothing of what is written in it, however long it takes. */
  readonly behind?: boolean
  /** The values differ from run to run; only the shape is compared. */
  readonly volatile?: boolean
  /** `false`: not to be run inside of a transaction block. */
  readonly inTransaction?: boolean
  /** The first major of PostgreSQL that knows its syntax. */
  readonly since?: number
  /** The SQLSTATE outside of a transaction. */
  readonly error?: string
  /** Whose rows are compared afterwards. */
  readonly tables?: readonly string[]
  /** It leaves something on its connection. */
  readonly leaves?: boolean
  /** An ordinary role may not, so the role is a superuser meanwhile. */
  readonly superuser?: boolean
}

export const sections: readonly { readonly section: string; readonly cases: readonly TortureCase[] }[] = spec.sections
export const schema: string = spec.schema.join(';\n')
export const reset: string = spec.reset.join(';\n')

export function stepsOf({ sql, steps, values, statementName }: TortureCase): pg.QueryConfig[] {
  if (steps !== undefined) return steps.map((text) => ({ text }))
  return [
    {
      text: sql ?? '',
      ...(values === undefined ? {} : { values: [...values] }),
      ...(statementName === undefined ? {} : { name: statementName }),
    },
  ]
}
