import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** Makes a replica show each commit that much after the primary made it; 0 ends that. As `lag` at a world's prompt. */
export async function setReplayLag(url: string, ms: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`alter system set recovery_min_apply_delay = ${ms}`)
    await client.query('select pg_reload_conf()')
    for (let tries = 0; tries < 200; tries++) {
      const { rows } = await client.query<{ setting: string }>(
        `select setting from pg_settings where name = 'recovery_min_apply_delay'`,
      )
      if (rows[0]?.setting === String(ms)) return
      await sleep(10)
    }
    throw new Error(`The replica did not take over a replay lag of ${ms} ms within two seconds.`)
  } finally {
    await client.end()
  }
}
