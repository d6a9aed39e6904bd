/** What an app in one region is configured with: `world.poolOptions(region)`. */
export interface AppConnections {
  readonly region: string
  readonly primary: { readonly region: string; readonly url: string }
  /** Region to URL, as reached from `region`. */
  readonly replicas: Readonly<Record<string, string>>
}

/** The variables that `fly()` of `pg-nearest/fly` reads, for an app in one region. */
export function environment(app: AppConnections): Record<string, string> {
  const replicas = Object.entries(app.replicas)
  return {
    MY_REGION: app.region,
    PRIMARY_REGION: app.primary.region,
    DATABASE_URL: app.primary.url,
    ...(replicas.length === 0 ? {} : { REPLICA_REGIONS: replicas.map(([region]) => region).join(',') }),
    ...Object.fromEntries(replicas.map(([region, url]) => [variableOf(region), url])),
  }
}

/** The same as lines of a `.env` file, which a shell can read too, under a comment that names the region. */
export function envLines(app: AppConnections): string {
  const lines = Object.entries(environment(app)).map(([name, value]) => `${name}=${quote(value)}`)
  return [`# an app in ${app.region}`, ...lines].join('\n')
}

const variableOf = (region: string): string => `DATABASE_URL_${region.toUpperCase().replaceAll('-', '_')}`

/** A URL that needs quotes here, for an `&`, loses nothing by spelling its own quotes as %27. */
function quote(value: string): string {
  return /^[\w.:/@%,+-]*$/.test(value) ? value : `'${value.replaceAll("'", '%27')}'`
}
