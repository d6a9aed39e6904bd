const NAME = 'edge-region'

/** Where a request comes from, and its path without saying so. */
export interface RequestRegion {
  readonly region: string
  readonly path: string
}

/**
 * The region that the query's `edge-region` names, else the header of that name, else the one whose port the request came to. A region
 * that the world does not have says nothing.
 */
export function requestRegion(
  path: string,
  header: string | string[] | undefined,
  portRegion: string,
  regions: readonly string[],
): RequestRegion {
  const [front = '', query] = path.split(/\?(.*)/s, 2)
  const parameters = (query ?? '').split('&')
  const isOurs = (parameter: string): boolean => parameter.split('=', 1)[0] === NAME
  const asked = parameters.find(isOurs)?.slice(NAME.length + 1)
  const rest = parameters.filter((parameter) => !isOurs(parameter)).join('&')
  const known = [asked, [header].flat()[0], portRegion].find(
    (region) => region !== undefined && regions.includes(region),
  )
  return { region: known ?? portRegion, path: asked === undefined ? path : rest === '' ? front : `${front}?${rest}` }
}
