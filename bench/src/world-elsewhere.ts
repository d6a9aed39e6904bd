import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { WorldPoolOptions } from 'pg-nearest-world'

/** What a world's process says of it. */
export interface Places {
  readonly urls: Readonly<Record<string, string>>
  /** Of an app in ord. */
  readonly options: WorldPoolOptions
}

/** A world with its primary in nrt and a replica in ord. */
export interface WorldElsewhere extends AsyncDisposable {
  readonly options: WorldPoolOptions
  url(region: string): string
}

/** In a process of its own, so that what its links carry, replication above all, is not counted as a client's work. */
export async function startWorldElsewhere(): Promise<WorldElsewhere> {
  const child = fork(new URL('./world-process.js', import.meta.url))
  const exited = once(child, 'exit')
  const ended = exited.then(() => {
    throw new Error('The world has ended before its time')
  })
  const [{ urls, options }] = (await Promise.race([once(child, 'message'), ended])) as [Places]
  ended.catch(() => undefined)
  return {
    options,
    url(region) {
      const url = urls[region]
      if (url === undefined) throw new RangeError(`There is no server in ${region}.`)
      return url
    },
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await exited
    },
  }
}
