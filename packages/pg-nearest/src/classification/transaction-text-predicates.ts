// What a text alone shows. To be asked by `factsOf`, which works each out once.

/** No second statement follows. May say `false` for a single statement with a semicolon in a string. */
export function isSingleStatement(text: string): boolean {
  return !/;\s*\S/.test(text)
}

/** It may set a transaction's mode by its name. `RESET transaction_read_only` makes a READ ONLY one READ WRITE until PostgreSQL 15. */
export function namesTransactionMode(text: string): boolean {
  return /transaction_read_only/i.test(text)
}

/** It may set a transaction's mode by its name. SHOW does not, nor RESET, which no server takes from PostgreSQL 16 on. */
export function maySetTransactionMode(text: string): boolean {
  return namesTransactionMode(text) && !SHOWS_OR_RESETS.test(text)
}

const SHOWS_OR_RESETS =
  /^\s*(?:(?:show|reset)\s+transaction_read_only|set\s+(?:(?:local|session)\s+)?transaction_read_only\s*(?:=|\bto\b)\s*default)\s*;?\s*$/i

/** It is SET TRANSACTION ISOLATION LEVEL, which must precede any query. */
export function setsIsolation(text: string): boolean {
  return ISOLATION.test(text)
}

const ISOLATION =
  /^\s*set\s+transaction\s+isolation\s+level\s+(?:serializable|repeatable\s+read|read\s+committed|read\s+uncommitted)\s*;?\s*$/i

/** SAVEPOINT, RELEASE or ROLLBACK. */
export function isSavepointControl(text: string): boolean {
  return /^\s*(?:savepoint|release|rollback)\s/i.test(text)
}

/** Not a comment alone, which never fails. */
export function beginsWithWord(text: string): boolean {
  return /^\s*[a-z(]/i.test(text)
}

/** It shows a setting of its transaction. */
export function showsTransaction(text: string): boolean {
  return /^\s*show\s+transaction(?:_isolation|_deferrable|\s+isolation\s+level)\s*;?\s*$/i.test(text)
}

/** SET TRANSACTION READ WRITE. */
export function asksForReadWrite(text: string): boolean {
  return /\bread\s+write\b/i.test(text)
}

const MODE =
  '(?:isolation\\s+level\\s+(?:serializable|repeatable\\s+read|read\\s+committed|read\\s+uncommitted)|read\\s+write|read\\s+only|(?:not\\s+)?deferrable)'
const BEGIN = new RegExp(
  `^\\s*(?:begin(?:\\s+(?:work|transaction))?|start\\s+transaction)(?:\\s+${MODE}(?:\\s*,?\\s*${MODE})*)?\\s*;?\\s*$`,
  'i',
)

/** A BEGIN that no server refuses. */
export function isPlainBegin(text: string): boolean {
  return BEGIN.test(text)
}
