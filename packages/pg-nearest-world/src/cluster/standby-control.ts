import { setTimeout as sleep } from 'node:timers/promises'
import { WorldError } from '../world-error.ts'
import { inquiry, runSql } from './run-sql.ts'

const TIMEOUT_MS = 30_000

/** Resolves when this replica streams WAL from its primary, which it reaches over this port. */
export async function waitUntilStreaming(region: string, url: string, port: number, end: AbortSignal): Promise<void> {
  await using streams = inquiry<{ there: boolean }>(
    url,
    `select exists (select from pg_stat_wal_receiver where status = 'streaming' and sender_port = ${port}) as there`,
  )
  await until(
    async () => (await streams.ask())?.there === true,
    `${region} did not begin to stream from the primary`,
    end,
  )
}

export async function pauseReplay(region: string, url: string): Promise<void> {
  await runSql(url, 'select pg_wal_replay_pause()')
  await using paused = inquiry<{ state: string }>(url, 'select pg_get_wal_replay_pause_state() as state')
  await until(async () => (await paused.ask())?.state === 'paused', `${region} did not pause`)
}

export async function isReplayPaused(url: string): Promise<boolean> {
  const [row] = await runSql<{ paused: boolean }>(url, 'select pg_is_wal_replay_paused() as paused')
  return row?.paused === true
}

export async function resumeReplay(url: string): Promise<void> {
  await runSql(url, 'select pg_wal_replay_resume()')
}

/** Resolves with the position at which the new timeline begins. */
export async function promote(url: string): Promise<string> {
  await runSql(url, 'select pg_promote(true, 30)')
  const [row] = await runSql<{ history: string }>(
    url,
    `select pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history') as history`,
  )
  const last = row?.history.trim().split('\n').at(-1)?.split('\t')[1]
  if (last === undefined)
    throw new WorldError('WORLD_SERVER_FAILED', 'The promoted server has no history of its timeline.')
  return last
}

/**
 * Waits until a replica that was told to follow the server at this port no longer receives anything from its old primary.
 * Resolves with whether it has received more than `position`: then it can never follow.
 */
export async function waitAndCheckDiverged(
  region: string,
  url: string,
  port: number,
  position: string,
  end: AbortSignal,
): Promise<boolean> {
  let ahead = false
  await using received = inquiry<{ left: boolean; ahead: boolean }>(
    url,
    `select not exists (select from pg_stat_wal_receiver where sender_port <> ${port}) as left,
            greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) > '${position}' as ahead`,
  )
  await until(
    async () => {
      const row = await received.ask()
      ahead = row?.ahead === true
      return ahead || row?.left === true
    },
    `${region} did not leave its old primary`,
    end,
  )
  return ahead
}

/** Polls until it holds. Rejects after the time-out, or when `end` aborts. */
export async function until(holds: () => Promise<boolean>, otherwise: string, end?: AbortSignal): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS
  let cause: unknown
  for (;;) {
    try {
      if (await holds()) return
    } catch (error) {
      cause = error
    }
    end?.throwIfAborted()
    if (performance.now() > deadline) {
      throw new WorldError('WORLD_SERVER_FAILED', `${otherwise} within ${TIMEOUT_MS / 1_000} s.`, { cause })
    }
    await sleep(10)
  }
}
