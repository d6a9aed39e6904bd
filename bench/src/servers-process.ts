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
      return 0
  }
}

function theirs(): NearestPool {
  if (pool === undefined) throw new Error('No pool is open')
  return pool
}

/** What a warm pool takes of the heap, without the code, which another one has had compiled. */
async function open(options: NearestPoolOptions): Promise<number> {
  await (await warm(options)).end()
  const before = heapBytes()
  pool = await warm(options)
  return heapBytes() - before
}

async function warm(options: NearestPoolOptions): Promise<NearestPool> {
  const opened = createPool(options)
  await opened.refresh()
  const end = performance.now() + 2_000
  while (performance.now() < end) await read(opened)
  return opened
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
