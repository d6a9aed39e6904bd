import { resolveAddresses, type DnsResolver } from '../discovery/dns-resolver.ts'
import { regionsIn } from '../discovery/parse-dns-answers.ts'
import { afterAnswer, type ResolvedAddresses } from '../discovery/resolved-addresses.ts'
import { refreshInterval } from '../discovery/dns-refresh-interval.ts'
import { joinUrl, splitUrl } from '../discovery/url-parts.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import { replicaUrl } from './replica-url.ts'

export interface DiscoverMachinesOptions {
  /** The database's app. */
  readonly app: string
  /** A URL of that app's. Holds the password. */
  readonly url: string
  /** Where the machines stand one of which takes the writes. */
  readonly primaryRegion: string
  readonly resolver: DnsResolver
  readonly random: () => number
}

type List = NonNullable<Awaited<ReturnType<NonNullable<NearestPoolOptions['servers']>>>>

/**
 * Lists the machines of a database's app: the regions from TXT `regions.<app>.internal`, which names those with a started machine, the
 * machines from the addresses of `<region>.<app>.internal`. Rejects if the regions cannot be had.
 *
 * @see https://fly.io/docs/networking/private-networking/
 */
export function discoverMachines(options: DiscoverMachinesOptions): () => Promise<List> {
  const { app, url, primaryRegion, resolver, random } = options
  let known: ResolvedAddresses = new Map()

  const entryOf = (region: string, addresses: readonly string[]): { url: string; hostaddr: string } | undefined => {
    const parts = splitUrl(replicaUrl(url, region) ?? '')
    if (parts === undefined || addresses.length === 0) return undefined
    const host = addresses.map(() => `${parts.host}:${parts.port}`).join(',')
    return { url: joinUrl({ ...parts, host, port: undefined }), hostaddr: addresses.join(',') }
  }

  return async () => {
    const name = `regions.${app}.internal`
    const regions = regionsIn(await resolver.resolveTxt(name))
    if (regions === undefined) throw new Error(`the text of ${name} is no list of regions`)
    const answers = await Promise.all(
      regions.map(
        async (region) => [region, await resolveAddresses(resolver, `${region}.${app}.internal`, 6)] as const,
      ),
    )
    const said = answers.map(([region, found]) => [region, found?.map(({ address }) => address)] as const)
    known = afterAnswer(known, new Map(said))
    const ttls = answers.flatMap(([, found]) => (found ?? []).map(({ ttlMs }) => ttlMs))
    const machines = [...known].flatMap(([region, addresses]) => {
      const entry = entryOf(region, [...addresses.keys()])
      return entry === undefined ? [] : [[region, entry] as const]
    })
    if (machines.length === 0) throw new Error(`no machine of ${app} has an address`)
    const primary = machines.find(([region]) => region === primaryRegion)?.[1]
    return {
      // Without a machine there, the name may lead to one again.
      primary: { region: primaryRegion, ...(primary ?? { url }) },
      replicas: Object.fromEntries(machines.filter(([region]) => region !== primaryRegion)),
      serversIntervalMs: refreshInterval(ttls, random()),
    }
  }
}
