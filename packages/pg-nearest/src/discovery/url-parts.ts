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
