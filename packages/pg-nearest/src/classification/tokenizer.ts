/**
 * - `word`: a keyword or an unquoted name, in lower case.
 * - `name`: a quoted name, as it is.
 * - `literal`: a string, a number or a parameter; its text does not matter.
 * - `symbol`: one character of anything else.
 */
export interface Token {
  readonly kind: 'word' | 'name' | 'literal' | 'symbol'
  readonly text: string
}

export interface Tokens {
  readonly tokens: readonly Token[]
  /** The text is ambiguous (`standard_conforming_strings`, Unicode escapes), or something is unterminated. */
  readonly doubtful: boolean
}

const LITERAL: Token = { kind: 'literal', text: '' }
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
/** What PostgreSQL leaves as it is. */
const NOT_ASCII = /[\u0080-\uffff]/
const NUMBER = /\d[\d_.]*|\$\d+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
/** Comments nest. */
const COMMENT_EDGE = /\/\*|\*\//g
/** A string may continue on the next line. */
const CONTINUED = /[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'/y
const SYMBOLS = new Map<string, Token>()

/** Splits a text as PostgreSQL's lexer does, without comments and white space. Never throws. Linear in the text's length. */
export function tokenize(text: string): Tokens {
  const tokens: Token[] = []
  let doubtful = false
  let at = 0

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }

  /** Moves from behind the opening quote to behind the closing one. */
  const skipQuoted = (quote: string, escapes: boolean): void => {
    for (;;) {
      if (escapes) at = endOfEscapes(text, at)
      const end = text.indexOf(quote, at)
      if (end < 0) {
        doubtful = true
        at = text.length
        return
      }
      if (!escapes && quote === "'" && end > at && text[end - 1] === '\\') doubtful = true
      at = end + 1
      if (text[at] !== quote) return
      at++
    }
  }

  const skipString = (escapes: boolean): void => {
    skipQuoted("'", escapes)
    for (let more = match(CONTINUED); more !== undefined; more = match(CONTINUED)) {
      at += more.length
      skipQuoted("'", escapes)
    }
    tokens.push(LITERAL)
  }

  const skipComment = (): void => {
    let depth = 1
    at += 2
    while (depth > 0) {
      COMMENT_EDGE.lastIndex = at
      const edge = COMMENT_EDGE.exec(text)
      if (edge === null) {
        doubtful = true
        at = text.length
        return
      }
      depth += edge[0] === '/*' ? 1 : -1
      at = COMMENT_EDGE.lastIndex
    }
  }

  const takeName = (unicode: boolean): void => {
    const start = ++at
    skipQuoted('"', false)
    const name = text.slice(start, at - 1).replaceAll('""', '"')
    // UESCAPE may set any escape character, so such a name is not decoded.
    if (unicode) doubtful = true
    tokens.push({ kind: 'name', text: name })
  }

  const takeWord = (word: string): void => {
    at += word.length
    const lower = NOT_ASCII.test(word)
      ? word.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
      : word.toLowerCase()
    const next = text[at]
    if (next === "'" && (lower === 'e' || lower === 'b' || lower === 'x' || lower === 'n')) {
      at++
      skipString(lower === 'e')
    } else if (next === '&' && lower === 'u' && text[at + 1] === "'") {
      at += 2
      skipString(false)
    } else if (next === '&' && lower === 'u' && text[at + 1] === '"') {
      at++
      takeName(true)
    } else {
      tokens.push({ kind: 'word', text: lower })
    }
  }

  const takeDollarString = (tag: string): void => {
    const end = text.indexOf(tag, at + tag.length)
    if (end < 0) doubtful = true
    at = end < 0 ? text.length : end + tag.length
    tokens.push(LITERAL)
  }

  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (isSpace(code)) {
      at++
      continue
    }
    const word = startsWord(code) ? match(WORD) : undefined
    if (word !== undefined) {
      takeWord(word)
      continue
    }
    const char = text[at] ?? ''
    if (char === "'") {
      at++
      skipString(false)
    } else if (char === '"') {
      takeName(false)
    } else if (char === '-' && text[at + 1] === '-') {
      at = nextLine(text, at)
    } else if (char === '/' && text[at + 1] === '*') {
      skipComment()
    } else {
      const number = char === '$' || (char >= '0' && char <= '9') ? match(NUMBER) : undefined
      const tag = number === undefined && char === '$' ? match(DOLLAR_TAG) : undefined
      if (number !== undefined) {
        at += number.length
        tokens.push(LITERAL)
      } else if (tag !== undefined) {
        takeDollarString(tag)
      } else {
        tokens.push(symbol(char))
        at++
      }
    }
  }
  return { tokens, doubtful }
}

/** The blank, and tab to carriage return. */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

/** A letter, the underscore, or anything beyond ASCII. */
function startsWord(code: number): boolean {
  const lower = code | 32
  return (lower >= 97 && lower <= 122) || code === 95 || code >= 128
}

/** Where a string with escapes has its next quote. */
function endOfEscapes(text: string, from: number): number {
  let at = from
  while (at < text.length && text[at] !== "'") at += text[at] === '\\' ? 2 : 1
  return at
}

function symbol(char: string): Token {
  let token = SYMBOLS.get(char)
  if (token === undefined) {
    token = { kind: 'symbol', text: char }
    if (SYMBOLS.size < 128) SYMBOLS.set(char, token)
  }
  return token
}

function nextLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === '\n' || text[at] === '\r') return at + 1
  return text.length
}
