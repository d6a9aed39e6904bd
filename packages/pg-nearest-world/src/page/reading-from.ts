/** Where reads have gone that nothing but the distance decides, by the app's region: the servers of the latest, newest last. */
export type Latest = Readonly<Record<string, readonly string[]>>

/** So many in a row make a move. One alone may only have looked for its own write. */
const IN_A_ROW = 4

export interface Move {
  readonly region: string
  readonly from: string
}

/** What is known once this app has read from that server. */
export function withRead(latest: Latest, region: string, server: string): Latest {
  return { ...latest, [region]: [...(latest[region] ?? []), server].slice(-IN_A_ROW) }
}

/** The apps that have read from another server lately than `reading` says. */
export function movesOf(latest: Latest, reading: Readonly<Record<string, string>>): readonly Move[] {
  return Object.entries(latest).flatMap(([region, servers]) => {
    const [from] = servers
    const agree = servers.length === IN_A_ROW && servers.every((server) => server === from)
    return from === undefined || !agree || reading[region] === from ? [] : [{ region, from }]
  })
}
