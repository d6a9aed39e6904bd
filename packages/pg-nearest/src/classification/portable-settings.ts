import type { Token } from './tokenizer.ts'

/**
 * Settings that every role may change on every server at any time, and that say how statements are planned, how long they may take, and how
 * values are read and shown: made again on another connection they mean the same. Never roles, nor what a transaction may do, nor how a text is read.
 */
const PORTABLE: ReadonlySet<string> = new Set([
  'application_name',
  'bytea_output',
  'client_min_messages',
  'constraint_exclusion',
  'cursor_tuple_fraction',
  'datestyle',
  'effective_cache_size',
  'extra_float_digits',
  'from_collapse_limit',
  'hash_mem_multiplier',
  'idle_in_transaction_session_timeout',
  'intervalstyle',
  'join_collapse_limit',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'lock_timeout',
  'max_parallel_workers_per_gather',
  'plan_cache_mode',
  'random_page_cost',
  'search_path',
  'seq_page_cost',
  'statement_timeout',
  'synchronous_commit',
  'timezone',
  'work_mem',
])
const PORTABLE_FAMILIES = /^(?:cpu|enable|geqo|jit|min_parallel|parallel)(?:_[a-z_]+)?$/

/** The one setting that a SET or RESET changes, if it is such a one; `undefined`: it is not, or it lasts until the transaction's end only. */
export function portableSetting(tokens: readonly Token[]): string | undefined {
  const words = tokens.map(({ text }) => text)
  const verb = words.shift()
  if (verb !== 'set' && verb !== 'reset') return undefined
  if (verb === 'set' && words[0] === 'session') words.shift()
  // FROM CURRENT means what its connection has.
  if (words[1] === 'from') return undefined
  const name = nameOf(words)
  return name !== undefined && (PORTABLE.has(name) || PORTABLE_FAMILIES.test(name)) ? name : undefined
}

/** `TIME ZONE` and `SCHEMA` have a syntax of their own. */
function nameOf([first, second]: readonly string[]): string | undefined {
  if (first === 'time' && second === 'zone') return 'timezone'
  if (first === 'schema') return 'search_path'
  // `app.tenant` is no setting of PostgreSQL's own.
  return second === '.' ? undefined : first?.toLowerCase()
}
