import { leavesSessionState, type StatementNeed } from './statement-need-types.ts'
import { primaryOnlyColumn, primaryOnlyFunction, primaryOnlyRelation } from './primary-only-names.ts'
import { portableSetting } from './portable-settings.ts'
import { callsLocally, sessionEffect } from './settings-effect.ts'
import { namesTransactionMode } from './transaction-text-predicates.ts'
import { OTHER_CONTROL, transactionControl } from './transaction-control.ts'
import { tokenize, type Token } from './tokenizer.ts'

const READ: StatementNeed = { class: 'read' }
const WRITE: StatementNeed = { class: 'write' }
const SERVER_BOUND: StatementNeed = { class: 'server-bound' }
const SESSION: StatementNeed = { class: 'session' }
const LOCAL: StatementNeed = { class: 'session', session: 'local' }

/**
 * What a text needs, as far as it shows. In doubt the answer is `write`, which only costs a round trip to the primary. Never throws.
 * Linear in the text's length.
 */
export function classify(text: string): StatementNeed {
  const { tokens, doubtful } = tokenize(text)
  const statements = statementsOf(tokens)
  const needs = statements.map(classifyStatement)
  const need = needs.length > 1 ? strongest(needs) : (needs[0] ?? READ)
  if (doubtful) return { ...inDoubt(need), mayCommitInside: true }
  // What is made with that in front belongs to its connection.
  if (need.setting === 'search_path' && /pg_temp/i.test(text)) return SESSION
  const hasControl = needs.length > 1 && needs.some(({ transaction }) => transaction !== undefined)
  return hasControl || statements.some(runsProcedure) ? { ...need, mayCommitInside: true } : need
}

/** What a text needs that may be another one than it seems. */
function inDoubt(need: StatementNeed): StatementNeed {
  if (need.setting !== undefined) return SESSION
  return seemsToOnlyRead(need) ? WRITE : need
}

function seemsToOnlyRead(need: StatementNeed): boolean {
  return need.class === 'read' || need.class === 'server-bound'
}

/** Procedures and anonymous blocks may commit what they have done so far. */
function runsProcedure([first]: readonly Token[]): boolean {
  return first?.kind === 'word' && (first.text === 'call' || first.text === 'do')
}

/** Whether the text may contain BEGIN, COMMIT, SAVEPOINT, SET TRANSACTION and the like, or set a transaction's mode by its name. */
export function mayControlTransaction(text: string): boolean {
  if (namesTransactionMode(text)) return true
  const { tokens, doubtful } = tokenize(text)
  return doubtful || statementsOf(tokens).some((statement) => classifyStatement(statement).class === 'transaction')
}

/** Splits at semicolons, except inside of a function body in `BEGIN ATOMIC … END`. */
export function statementsOf(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = []
  let statement: Token[] = []
  let atomic = 0
  for (const [i, token] of tokens.entries()) {
    const { kind, text } = token
    if (kind === 'word') {
      if (text === 'atomic' && tokens[i - 1]?.text === 'begin' && statement[0]?.text === 'create') atomic++
      else if (atomic > 0 && text === 'case') atomic++
      else if (atomic > 0 && text === 'end') atomic--
    }
    if (kind === 'symbol' && text === ';' && atomic === 0) {
      if (statement.length > 0) statements.push(statement)
      statement = []
    } else {
      statement.push(token)
    }
  }
  if (statement.length > 0) statements.push(statement)
  return statements
}

function strongest(needs: readonly StatementNeed[]): StatementNeed {
  if (needs.some((need) => need.class === 'transaction'))
    return needs.some(leavesSessionState) ? { ...OTHER_CONTROL, leavesState: true } : OTHER_CONTROL
  if (needs.some((need) => need.class === 'session')) return SESSION
  if (needs.some((need) => need.class === 'write')) return WRITE
  return needs.some((need) => need.class === 'server-bound') ? SERVER_BOUND : READ
}

function classifyStatement(tokens: readonly Token[]): StatementNeed {
  const first = tokens[0]
  if (first?.kind === 'symbol' && first.text === '(') return classifyQuery(tokens)
  if (first?.kind !== 'word') return WRITE
  switch (first.text) {
    case 'select':
    case 'values':
    case 'table':
    case 'with':
      return classifyQuery(tokens)
    case 'explain':
      return classifyExplain(tokens)
    case 'copy':
      return classifyCopy(tokens)
    case 'set':
    case 'prepare':
      return transactionControl(tokens) ?? settingsOf(tokens)
    case 'reset':
    case 'show':
    case 'discard':
      return settingsOf(tokens)
    case 'listen':
    case 'unlisten':
    case 'load':
    case 'execute':
    case 'deallocate':
    case 'declare':
    case 'fetch':
    case 'move':
    case 'close':
      return SESSION
    case 'begin':
    case 'start':
    case 'commit':
    case 'end':
    case 'rollback':
    case 'abort':
    case 'savepoint':
    case 'release':
      return transactionControl(tokens) ?? WRITE
    default:
      return touchesSession(tokens) ? SESSION : WRITE
  }
}

function settingsOf(tokens: readonly Token[]): StatementNeed {
  const session = sessionEffect(tokens)
  if (session === undefined) return SESSION
  const setting = session === 'setting' ? portableSetting(tokens) : undefined
  return setting === undefined ? { class: 'session', session } : { class: 'session', session, setting }
}

/** SELECT, VALUES, TABLE and WITH: a read, unless something in it writes or is bound to a server or a connection. */
function classifyQuery(
  tokens: readonly Token[],
  mayModify: boolean = tokens.some(({ kind, text }) => kind === 'word' && text === 'with'),
): StatementNeed {
  let need = READ
  let local = false
  for (const [i, token] of tokens.entries()) {
    const { kind, text } = token
    if (kind !== 'word' && kind !== 'name') continue
    const next = tokens[i + 1]
    const called = next?.kind === 'symbol' && next.text === '('
    const named = tokens[i - 1]?.text === 'as'
    const bound =
      (called ? primaryOnlyFunction(text) : named ? undefined : primaryOnlyColumn(text)) ?? primaryOnlyRelation(text)
    if (bound === 'session') {
      if (!called || !callsLocally(tokens, i)) return SESSION
      local = true
      continue
    }
    if (bound === 'write' || (kind === 'word' && writes(tokens, i, mayModify))) need = WRITE
    else if (bound === 'server-bound' && need === READ) need = SERVER_BOUND
  }
  if (local) return need === READ ? LOCAL : SESSION
  return need === WRITE && touchesSession(tokens) ? SESSION : need
}

/** Whether the keyword at `i` makes a query write, or lock rows. */
function writes(tokens: readonly Token[], i: number, mayModify: boolean): boolean {
  switch (tokens[i]?.text) {
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
      // These may be column names, too: within a query such a statement can only be in a WITH, or in COPY.
      return mayModify && tokens[i - 1]?.text !== '.'
    case 'into':
      return true
    case 'for':
      return ['update', 'no', 'share', 'key'].includes(tokens[i + 1]?.text ?? '')
    default:
      return false
  }
}

const TEMPORARY_KINDS: ReadonlySet<string> = new Set(['table', 'view', 'sequence', 'recursive'])
const AFTER_TARGET: ReadonlySet<string> = new Set(['values', 'select', 'default', 'overriding', 'as', 'with', 'from'])

function isName(token: Token | undefined): token is Token {
  return token?.kind === 'word' || token?.kind === 'name'
}

/** Temporary tables and their schema belong to a connection. */
function touchesSession(tokens: readonly Token[]): boolean {
  const [first] = tokens
  return tokens.some(({ kind, text }, i) => {
    if (kind !== 'word' && kind !== 'name') return false
    if (primaryOnlyRelation(text) === 'session') return true
    const next = tokens[i + 1]
    if (next?.kind === 'symbol' && next.text === '(' && primaryOnlyFunction(text) === 'session') return true
    if (kind !== 'word' || (text !== 'temp' && text !== 'temporary')) return false
    if (first?.text === 'create') return next !== undefined && TEMPORARY_KINDS.has(next.text)
    // INTO temp x creates a temporary table, but INTO temp VALUES … writes to a table of that name.
    return tokens[i - 1]?.text === 'into' && isName(next) && !AFTER_TARGET.has(next.text)
  })
}

/** EXPLAIN needs what its statement needs; with ANALYZE it runs it. */
function classifyExplain(tokens: readonly Token[]): StatementNeed {
  let start = 1
  if (tokens[1]?.kind === 'symbol' && tokens[1].text === '(' && !isQueryStart(tokens[2])) {
    const end = tokens.findIndex(({ kind, text }) => kind === 'symbol' && text === ')')
    if (end < 0) return WRITE
    start = end + 1
  } else {
    while (tokens[start]?.text === 'analyze' || tokens[start]?.text === 'analyse' || tokens[start]?.text === 'verbose')
      start++
  }
  const rest = tokens.slice(start)
  const need = isQueryStart(rest[0]) ? classifyQuery(rest) : WRITE
  const usesSession = rest[0]?.text === 'execute' || rest[0]?.text === 'declare' || touchesSession(rest)
  return usesSession ? SESSION : need
}

function isQueryStart(token: Token | undefined): boolean {
  return token?.text === '(' || ['select', 'values', 'table', 'with'].includes(token?.text ?? '')
}

/** COPY … TO STDOUT reads. Every other COPY writes, to a table or to the server's disk. */
function classifyCopy(tokens: readonly Token[]): StatementNeed {
  const to = tokens.findLastIndex(({ kind, text }) => kind === 'word' && text === 'to')
  if (to < 0 || tokens[to + 1]?.text !== 'stdout') return touchesSession(tokens) ? SESSION : WRITE
  return classifyQuery(tokens.slice(1, to), true)
}
