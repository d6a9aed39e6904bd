import { setTimeout as sleep } from 'node:timers/promises'
import { createPool, type NearestPool, type NearestPoolOptions } from 'pg-nearest'
import { run } from './measure.ts'
import { userReader } from './users.ts'

/** What the parent asks for. */
export type ServersTask =
  | { readonly kind: 'open'; readonly options: NearestPoolOptions }
  | { readonly kind: 'reads'; readonly callers: number; readonly ms: number }
  | { readonly kind: 'idle'; readonly ms: number }
  | { readonly kind: 'end' }

/** Microseconds of this process's processor time for a read, its share of a core while idle, or the pool's bytes. */
export type ServersReply = number

// One pool in a process of its own, so that neither the links nor the other pools are counted with it.
let pool: NearestPool | undefined
const read = userReader()

process.on('message', (task: ServersTask) => {
  perform(task).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function perform(task: ServersTask): Promise<ServersReply> {
  switch (task.kind) {
    case 'open':
      return open(task.options)
    case 'reads': {
      const opened = theirs()
      return (await run(() => read(opened), { callers: task.callers, ms: task.ms })).cpuUs
    }
    case 'idle':
      return idle(theirs(), task.ms)
    case 'end':
      await pool?.end()
      process.disconnect()
      return 0
  }
}

function theirs(): NearestPool {
  if (pool === undefined) throw new Error('No pool is open')
  return pool
}

/** What a warm pool takes of the heap. */
async function open(options: NearestPoolOptions): Promise<number> {
  const first = createPool({ primary: 'postgres://nobody@127.0.0.1:1/none' })
  const before = heapBytes()
  const opened = (pool = createPool(options))
  await opened.refresh()
  await read(opened)
  await sleep(2_000)
  const bytes = heapBytes() - before
  await first.end()
  return bytes
}

function heapBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** With one statement a second. */
async function idle(opened: NearestPool, ms: number): Promise<number> {
  const cpu = process.cpuUsage()
  const begin = performance.now()
  for (let left = ms; left > 0; left = ms - (performance.now() - begin)) {
    await read(opened)
    await sleep(Math.min(1_000, left))
  }
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / 1_000 / (performance.now() - begin)
}
