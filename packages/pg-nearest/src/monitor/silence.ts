import type pg from 'pg'

/** How long connections have heard nothing of what they wait for. Costs nothing but when it is looked at. */
export interface Silence {
  /** Looks at all of them. Returns since when the one that has waited longest has been waiting; `undefined`: none does. */
  listen(clients: Iterable<pg.Client>, now: number): number | undefined
  /** Milliseconds that this one has been waiting; 0 if it does not. */
  of(client: pg.Client, now: number): number
}

interface Heard {
  bytes: number
  since: number | undefined
}

/** What pg says in its code and not in its types. */
interface BusyClient {
  readonly readyForQuery: boolean
  readonly connection: { readonly stream: { readonly bytesRead?: number } }
}

export function createSilence(): Silence {
  const heard = new WeakMap<object, Heard>()

  const look = (client: pg.Client, now: number): number | undefined => {
    const { readyForQuery, connection } = client as unknown as BusyClient
    const bytes = connection.stream.bytesRead ?? 0
    const before = heard.get(client)
    if (readyForQuery) {
      if (before !== undefined) before.since = undefined
      return undefined
    }
    if (before === undefined) heard.set(client, { bytes, since: now })
    else if (before.since === undefined || before.bytes !== bytes) Object.assign(before, { bytes, since: now })
    return heard.get(client)?.since
  }

  return {
    listen(clients, now) {
      let longest: number | undefined
      for (const client of clients) {
        const since = look(client, now)
        if (since !== undefined) longest = Math.min(longest ?? since, since)
      }
      return longest
    },
    of(client, now) {
      return now - (heard.get(client)?.since ?? now)
    },
  }
}
