import { EdgeFailure } from './edge-failure.ts'

const NAME = 'edge-region'

/** What may say where a request comes from. */
export interface RegionClues {
  /** With the query, which may name a region. */
  readonly path: string
  readonly header: string | string[] | undefined
  /** The header `cookie`, in which the door of no region keeps what a query has named. */
  readonly cookie: string | undefined
  /** The region whose door it came to; `undefined`: the one before all of them. */
  readonly door: string | undefined
}

/** Where a request comes from, and its path without saying so. */
export interface RequestRegion {
  readonly region: string
  readonly path: string
  /** What the client is told to send from now on: a value for `Set-Cookie`. */
  readonly remember: string | undefined
}

/**
 * The region that the query's `edge-region` names, else the header of that name, else the region of the door, else the cookie of that
 * name, else the primary's.
 *
 * @throws EdgeFailure if the query or the header names a region that the world does not have: what is measured would be another one. A
 *   cookie may be of another world, and says nothing then.
 */
export function requestRegion(
  { path, header, cookie, door }: RegionClues,
  { regions, primary }: { readonly regions: readonly string[]; readonly primary: string },
): RequestRegion {
  const [front = '', query] = path.split(/\?(.*)/s, 2)
  const parameters = (query ?? '').split('&')
  const isOurs = (parameter: string): boolean => parameter.split('=', 1)[0] === NAME
  const asked = parameters.find(isOurs)?.slice(NAME.length + 1)
  const rest = parameters.filter((parameter) => !isOurs(parameter)).join('&')
  const isKnown = (region: string | undefined): region is string => region !== undefined && regions.includes(region)
  const wrong = [asked, [header].flat()[0]].find((named) => named !== undefined && named !== '' && !isKnown(named))
  if (wrong !== undefined)
    throw new EdgeFailure(
      400,
      `${NAME} ${JSON.stringify(wrong)} is none of this world's regions: ${regions.join(', ')}.`,
    )
  return {
    region: [asked, [header].flat()[0], door, keptIn(cookie)].find(isKnown) ?? primary,
    path: asked === undefined ? path : rest === '' ? front : `${front}?${rest}`,
    remember: door === undefined && isKnown(asked) ? `${NAME}=${asked}; Path=/; HttpOnly; SameSite=Lax` : undefined,
  }
}

function keptIn(cookie: string | undefined): string | undefined {
  const kept = cookie?.split(';').map((pair) => pair.trim().split('=', 2))
  return kept?.find(([name]) => name === NAME)?.[1]
}
