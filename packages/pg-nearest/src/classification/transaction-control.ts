import type { StatementNeed, TransactionControl } from './statement-need-types.ts'
import type { Token } from './tokenizer.ts'

/** PREPARE TRANSACTION, or a text that has transaction control among other statements. */
export const OTHER_CONTROL: StatementNeed = control('other')
const WITHIN = control('within')
const COMMIT = control('commit')
const CHAIN = control('chain')
const ROLLBACK = control('rollback')
/** COMMIT PREPARED and ROLLBACK PREPARED run outside of a transaction block. */
const TWO_PHASE: StatementNeed = { class: 'write' }

/** Classifies a statement of transaction control; `undefined` if it is none. */
export function transactionControl(tokens: readonly Token[]): StatementNeed | undefined {
  const words = tokens.map(({ kind, text }) => (kind === 'word' ? text : ''))
  const [first, second] = words
  switch (first) {
    case 'begin':
      return begin(words)
    case 'start':
      return second === 'transaction' ? begin(words) : undefined
    case 'commit':
    case 'end':
      if (second === 'prepared') return TWO_PHASE
      return chains(words) ? CHAIN : COMMIT
    case 'rollback':
    case 'abort':
      if (second === 'prepared') return TWO_PHASE
      if (words.includes('to')) return WITHIN
      return chains(words) ? CHAIN : ROLLBACK
    case 'savepoint':
    case 'release':
      return WITHIN
    case 'prepare':
      return second === 'transaction' ? OTHER_CONTROL : undefined
    case 'set':
      // SET LOCAL TRANSACTION and SET SESSION TRANSACTION mean the same.
      return setting(second === 'local' || second === 'session' ? words.slice(1) : words)
    default:
      return undefined
  }
}

/** `AND CHAIN` begins the next transaction at once. */
function chains(words: readonly string[]): boolean {
  return words.includes('chain') && !words.includes('no')
}

function setting(words: readonly string[]): StatementNeed | undefined {
  if (words[1] !== 'transaction') return words[1] === 'constraints' ? WITHIN : undefined
  if (words.includes('snapshot') || words.includes('write')) return WITHIN
  const { snapshotPerStatement } = modesOf(words)
  return control('modes', { readOnly: false, standbyCanBegin: false, snapshotPerStatement })
}

function begin(words: readonly string[]): StatementNeed {
  return control('begin', modesOf(words))
}

/** The last of contradicting modes counts. */
function modesOf(words: readonly string[]): Omit<TransactionControl, 'kind'> {
  let readOnly = false
  let isolation = ''
  for (const [i, word] of words.entries()) {
    if (word === 'read' && words[i - 1] !== 'level') readOnly = words[i + 1] === 'only'
    if (word === 'level') isolation = words[i + 1] ?? ''
  }
  return {
    readOnly,
    standbyCanBegin: readOnly && isolation !== 'serializable',
    snapshotPerStatement: isolation === '' || isolation === 'read',
  }
}

function control(
  kind: TransactionControl['kind'],
  modes: Omit<TransactionControl, 'kind'> = { readOnly: false, standbyCanBegin: false, snapshotPerStatement: false },
): StatementNeed {
  return { class: 'transaction', transaction: { kind, ...modes } }
}
