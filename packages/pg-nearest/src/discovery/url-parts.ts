/** A PostgreSQL URL in parts that can be joined to exactly the same text. */
export interface UrlParts {
  /** With its `://`. */
  readonly scheme: string
  /** User and password with their `@`, or empty. A secret. */
  readonly userinfo: string
  /** An IPv6 address keeps its brackets. */
  readonly host: string
  /** Without its `:`; `undefined` if the URL has none. */
  readonly port: string | undefined
  /** The path and the query: database and parameters. A secret. */
  readonly rest: string
}

const pattern = /^(postgres(?:ql)?:\/\/)([^/?]*@)?(\[[^\]/?]*\]|[^:/?]*)(?::([^/?]*))?((?:[/?].*)?)$/is

/** Splits a URL without decoding anything. `undefined` if it does not look like a PostgreSQL URL. */
export function splitUrl(url: string): UrlParts | undefined {
  const match = pattern.exec(url)
  if (match === null) return undefined
  const [, scheme = '', userinfo = '', host = '', port, rest = ''] = match
  return { scheme, userinfo, host, port, rest }
}

export function joinUrl({ scheme, userinfo, host, port, rest }: UrlParts): string {
  return `${scheme}${userinfo}${host}${port === undefined ? '' : `:${port}`}${rest}`
}

/** The names of a URL's parameters. */
export function parametersOf(url: string): ReadonlySet<string> {
  return new Set(queryOf(url).map((pair) => nameOf(pair)))
}

/** The last value of a URL's parameter, decoded; `undefined` if it has none. */
export function parameterOf(url: string, name: string): string | undefined {
  const pair = queryOf(url).findLast((each) => nameOf(each) === name)
  return pair === undefined ? undefined : (new URLSearchParams(pair).get(name) ?? undefined)
}

/** The URL without these parameters, and with others behind the rest. */
export function withParameters(
  url: string,
  without: Iterable<string>,
  added: Readonly<Record<string, string>>,
): string {
  const names = new Set(without)
  const kept = queryOf(url).filter((pair) => !names.has(nameOf(pair)))
  const more = Object.entries(added).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  const query = [...kept, ...more].join('&')
  const [front = ''] = url.split('?', 1)
  return query === '' ? front : `${front}?${query}`
}

function queryOf(url: string): readonly string[] {
  const at = url.indexOf('?')
  return at < 0
    ? []
    : url
        .slice(at + 1)
        .split('&')
        .filter((pair) => pair !== '')
}

function nameOf(pair: string): string {
  const [name = ''] = new URLSearchParams(pair).keys()
  return name
}
