/** Host names on Fly from which those of replicas follow. The group is the name of the database's app. */
const families: readonly RegExp[] = [
  /^([a-z0-9-]+)\.internal$/,
  /^(?:[a-z]{3}|global)\.([a-z0-9-]+)\.internal$/,
  /^top\d+\.nearest\.of\.([a-z0-9-]+)\.internal$/,
  // Such a name takes no region prefix, and leads to the leader only.
  /^([a-z0-9-]+)\.flycast$/,
]

/** The form of Fly's region codes. */
const flyRegion = /^[a-z]{3}$/

/**
 * The private name of a region's machines of the same database, or `undefined` where the name follows from no rule:
 * managed Postgres (`*.flympg.net`), one machine (`….vm.app.internal`), and every host outside Fly.
 */
export function replicaHost(host: string, region: string): string | undefined {
  if (!flyRegion.test(region)) return undefined
  const app = databaseApp(host)
  return app === undefined ? undefined : `${region}.${app}.internal`
}

/** The app of Fly's that a host name belongs to; `undefined` where replicas do not follow from it. */
export function databaseApp(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.+$/, '')
  for (const family of families) {
    const app = family.exec(name)?.[1]
    if (app !== undefined) return app
  }
  return undefined
}
