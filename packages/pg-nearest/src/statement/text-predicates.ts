import type { StatementNeed } from './statement-class.ts'

/** It has no second statement behind it, as far as shows: what is sent with parameters must be alone. */
export function isSingle(text: string): boolean {
  return !/;\s*\S/.test(text)
}

/** COPY … FROM STDIN, which `query` cannot feed. */
export function readsFromClient(text: string): boolean {
  return /\bcopy\b/i.test(text) && /\bstdin\b/i.test(text)
}

/**
 * Whether a question after the position may be sent behind it. Not while a transaction may still be told its isolation level,
 * which must come before any query; and not where the server would take it for the rows of a COPY.
 */
export function letsAskBehind(text: string | undefined, { transaction }: StatementNeed): boolean {
  if (typeof text !== 'string') return true
  if (transaction !== undefined && (transaction.kind === 'begin' || CHAIN.test(text))) return false
  return !(isSingle(text) && SEES_NOTHING.test(text)) && !EMPTY.test(text) && !readsFromClient(text)
}

/** These need no snapshot. */
const SEES_NOTHING =
  /^\s*(?:set|show|reset|savepoint|release|lock|listen|unlisten|discard|deallocate|close|prepare\s+(?!transaction\b)\S+)\s/i

/** White space and comments alone. */
const EMPTY = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*$/

/** COMMIT AND CHAIN: it commits, and nothing can be asked before the next transaction has taken its form. */
export function commitsUnseen(text: string | undefined, { transaction }: StatementNeed): boolean {
  return transaction !== undefined && typeof text === 'string' && CHAIN.test(text)
}

const CHAIN = /\band\s+chain\b/i

/** SET TRANSACTION ISOLATION LEVEL alone, which must come before any query. */
export function setsIsolation(text: string): boolean {
  return ISOLATION.test(text)
}

const ISOLATION =
  /^\s*set\s+transaction\s+isolation\s+level\s+(?:serializable|repeatable\s+read|read\s+committed|read\s+uncommitted)\s*;?\s*$/i
