/** A request that was sent again. */
export interface Replay {
  /** The region that had it sent. */
  readonly region: string
  /** When the proxy did so, in milliseconds since 1970, if it says so. */
  readonly sentAt: number | undefined
}

/** Reads the header `fly-replay-src`: `instance=…;region=syd;t=<microseconds>;state=…`. A client may have made it up. */
export const readReplaySource = (header: string | undefined): Replay | undefined => {
  const fields = new Map(header?.split(';').map((field): [string, string] => split(field)))
  const region = fields.get('region') ?? ''
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(region)) return undefined
  const t = fields.get('t') ?? ''
  return { region, sentAt: /^\d{16}$/.test(t) ? Math.floor(Number(t) / 1000) : undefined }
}

const split = (field: string): [string, string] => {
  const [name = '', value = ''] = field.trim().split('=', 2)
  return [name, value]
}
