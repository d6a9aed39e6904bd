import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

/** PostgreSQL keeps it as a signed number of 32 bits: 24 days. */
export const MAX_REPLAY_LAG_MS: number = 2_147_483_647

/**
 * Makes a replica show each commit `ms` after the primary made it, or when it arrives if that is later. 0 ends it, and so does
 * a restart of the server or a promotion, because the world rewrites the settings then. Resolves when it is in effect.
 */
export async function setReplayLag(url: string, ms: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`alter system set recovery_min_apply_delay = ${Math.round(ms)}`)
    await client.query('select pg_reload_conf()')
    await untilSetting(client, Math.round(ms))
  })
}

/** Milliseconds that {@link setReplayLag} holds a replica back. */
export function readReplayLag(url: string): Promise<number> {
  return withClient(url, readSetting)
}

/** A server process rereads its settings between two statements, once the signal has reached it. */
async function untilSetting(client: Client, ms: number, tries = 100): Promise<void> {
  if ((await readSetting(client)) === ms) return
  if (tries === 0) throw new Error('The server did not take over recovery_min_apply_delay within a second.')
  await sleep(10)
  await untilSetting(client, ms, tries - 1)
}

async function readSetting(client: Client): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(
    `select setting::integer as ms from pg_settings where name = 'recovery_min_apply_delay'`,
  )
  return rows[0]?.ms ?? 0
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  // If the server is killed meanwhile, the running query fails; that is enough.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
