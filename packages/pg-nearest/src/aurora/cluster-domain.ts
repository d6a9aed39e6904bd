/** What follows from the name of an endpoint of a cluster. */
export interface ClusterDomain {
  /** The AWS region. */
  readonly region: string
  /** The endpoint of one instance. */
  instanceHost(instance: string): string
}

/**
 * The endpoints of a cluster (writer, reader, custom) and of its instances. All but the first two labels is the same for every instance of
 * one account in one region.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
 */
const FORMS: readonly RegExp[] = [
  /^[a-z0-9-]+\.(?:cluster-(?:ro-|custom-)?)?(?<domain>[a-z0-9]+\.(?<region>[a-z0-9-]+)\.rds\.amazonaws\.com)$/,
  /^[a-z0-9-]+\.(?:cluster-(?:ro-|custom-)?)?(?<domain>[a-z0-9]+\.rds\.(?<region>[a-z0-9-]+)\.amazonaws\.com\.cn)$/,
]

/** `undefined` for a name from which those of the instances do not follow: a proxy's, a global cluster's, one of your own. */
export function clusterDomain(host: string): ClusterDomain | undefined {
  for (const form of FORMS) {
    const { domain, region } = form.exec(plain(host))?.groups ?? {}
    if (domain !== undefined && region !== undefined)
      return { region, instanceHost: (instance) => `${instance}.${domain}` }
  }
  return undefined
}

/** Whether it is a cluster's reader endpoint, which leads to its readers only. */
export function isReaderEndpoint(host: string): boolean {
  return clusterDomain(host) !== undefined && plain(host).includes('.cluster-ro-')
}

/** Whether it is a name that AWS gave. */
export function isAmazonHost(host: string): boolean {
  return /\.amazonaws\.com(?:\.cn)?$/.test(plain(host))
}

function plain(host: string): string {
  return host.toLowerCase().replace(/\.+$/, '')
}
