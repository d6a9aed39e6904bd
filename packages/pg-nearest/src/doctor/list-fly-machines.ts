import type { DnsResolver } from '../discovery/dns-resolver.ts'
import type { Machine } from '../examination/examination-facts.ts'

/**
 * The machines of an app on Fly, started or not, from its DNS.
 *
 * @returns `undefined` if it does not answer, as outside of Fly's network
 * @see https://fly.io/docs/networking/private-networking/
 */
export async function listFlyMachines(app: string, resolver: DnsResolver): Promise<readonly Machine[] | undefined> {
  try {
    const [all, started] = await Promise.all([
      resolver.resolveTxt(`all.vms.${app}.internal`),
      resolver.resolveTxt(`vms.${app}.internal`),
    ])
    const running = new Set(listIn(started).map(({ id }) => id))
    return listIn(all).map(({ id, region }) => ({ id, region, started: running.has(id) }))
  } catch {
    return undefined
  }
}

/** Texts are cut anywhere. */
function listIn(records: readonly (readonly string[])[]): readonly { readonly id: string; readonly region: string }[] {
  const text = records.map((chunks) => chunks.join('')).join(',')
  return text.split(',').flatMap((entry) => {
    const [, id, region] = /^([a-z0-9]{1,32}) ([a-z]{3})$/.exec(entry.trim()) ?? []
    return id === undefined || region === undefined ? [] : [{ id, region }]
  })
}
