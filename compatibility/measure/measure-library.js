import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'pg-nearest'
import { expectSame } from './expect-same.js'
import { nextNote } from './next-note.js'
import { ask, caughtUp, HERE, nothingSlow, scans } from './servers.js'

const READS = 20
const WRITES = 10

/** The columns of the table. */
export const FACTS = ['reads', 'ownWrites', 'rollBack', 'lock', 'cancellation']

const YES = { answer: 'yes' }
const NONE = { answer: 'none' }

/**
 * Measures what the table says of one library: each fact is `yes`, `no` with why, or `none` where the library has nothing of
 * the kind.
 */
export async function measureLibrary(world, library) {
  const facts = {}
  const fact = async (name, measure) => {
    facts[name] = await measure().catch((error) => ({ answer: 'no', why: error }))
  }
  await measureFacts(world, library, fact).catch((error) => {
    for (const name of FACTS) facts[name] ??= { answer: 'no', why: error }
  })
  return facts
}

async function measureFacts(world, library, fact) {
  const tables = library.tables ?? "relname = 'notes'"
  if (library.schema !== undefined) await ask(world.url(world.primary), library.schema)
  const note = nextNote()
  // What it creates for itself is there before anything counts.
  await on(world, library, (operations) => operations.write(...note))
  await fact('reads', () => readsOf(world, library, tables, note))
  await on(world, library, async (operations) => {
    await fact('ownWrites', () => ownWritesOf(world, operations))
    await fact('rollBack', () => rollBackOf(world, operations))
    await fact('lock', () => lockOf(world, operations))
    await fact('cancellation', () => cancellationOf(world, operations))
  })
}

/** A pool of its own, as an app in the replica's region has it, and the library on it. */
async function on(world, library, work) {
  const pool = createPool(world.poolOptions(HERE))
  // graphile-worker remarks on a pool where nobody listens.
  pool.on('connect', () => undefined)
  pool.on('error', () => undefined)
  try {
    const operations = await library.operations(await library.give(pool), pool)
    await caughtUp(world)
    await pool.refresh()
    try {
      return await work(operations)
    } finally {
      await operations.end?.()
    }
  } finally {
    if (!pool.ended) await pool.end()
  }
}

async function readsOf(world, library, tables, [id, text]) {
  const before = await scans(world, tables)
  const reads = await on(world, library, async ({ read }) => {
    if (read === undefined) return false
    for (let n = 0; n < READS; n++) expectSame(await read(id), text, 'what is read')
    return true
  })
  if (!reads) return NONE
  const after = await scans(world, tables)
  const there = after.replica - before.replica
  const onPrimary = after.primary - before.primary
  if (onPrimary === 0 && there >= READS) return { answer: 'yes', detail: `${READS} of ${READS}` }
  const share = Math.floor((READS * there) / Math.max(there + onPrimary, READS))
  const why = new Error(`of the reads of these tables ${there} were on the replica, ${onPrimary} on the primary`)
  return { answer: 'no', detail: `${share} of ${READS}`, why }
}

/** While the replica shows nothing new. */
async function ownWritesOf(world, { read, write }) {
  if (read === undefined) return NONE
  await caughtUp(world)
  await world.pauseReplay(HERE)
  try {
    const before = await replayed(world)
    for (let n = 0; n < WRITES; n++) {
      const [id, text] = nextNote()
      await write(id, text)
      expectSame(await read(id), text, 'what is read behind a write')
    }
    expectSame(await replayed(world), before, 'what the replica has replayed')
  } finally {
    await world.resumeReplay(HERE)
  }
  return { answer: 'yes', detail: `${WRITES} of ${WRITES}` }
}

async function rollBackOf(world, { read, rolledBack }) {
  if (rolledBack === undefined) return NONE
  const [id, text] = nextNote()
  expectSame(await rolledBack(id, text), text, 'what is read in the transaction')
  expectSame(await read(id), undefined, 'what is read after it')
  const rows = await ask(world.url(world.primary), 'select from notes where id = $1', [id])
  expectSame(rows.length, 0, 'what the primary has of it')
  return YES
}

async function lockOf(world, { write, lockedRead }) {
  if (lockedRead === undefined) return NONE
  const [id, text] = nextNote()
  await write(id, text)
  const isLocked = async () => {
    const locking = ask(world.url(world.primary), 'select from notes where id = $1 for update nowait', [id])
    const code = await locking.then(
      () => 'not locked',
      (error) => error.code,
    )
    expectSame(code, '55P03', 'the answer to whoever wants the lock, too,')
  }
  expectSame(await lockedRead(id, isLocked), text, 'what is read')
  return YES
}

async function cancellationOf(world, { cancels, cancel, stop }) {
  if (cancels === undefined) return NONE
  if (stop !== undefined) {
    await inTime(stop())
    await nothingSlow(world)
  }
  for (const kind of cancel === undefined ? [] : ['read', 'write']) {
    const cancelled = inTime(Promise.resolve(cancel(kind, AbortSignal.timeout(200))))
    const outcome = await cancelled.then(
      () => 'it ran to its end',
      (error) => (error === LATE ? 'nobody cancelled it' : 'it rejected'),
    )
    expectSame(outcome, 'it rejected', `the end of a ${kind}`)
    await nothingSlow(world)
  }
  const rows = await ask(world.url(world.primary), 'select from notes where id = 0')
  expectSame(rows.length, 0, 'what was written')
  return { answer: 'yes', detail: cancels }
}

const replayed = async (world) => {
  const [{ lsn }] = await ask(world.url(HERE, { as: 'superuser' }), 'select pg_last_wal_replay_lsn() as lsn')
  return lsn
}

const LATE = new Error('it took too long')

function inTime(promise) {
  return Promise.race([promise, sleep(5_000, undefined, { ref: false }).then(() => Promise.reject(LATE))])
}
