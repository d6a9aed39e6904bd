import { Worker } from 'node:worker_threads'

/** Rings once at a given time, which Node's own timers know only to the millisecond. */
export interface Alarm {
  /** Resolves when it can ring. From then on it does not keep the process from ending. */
  readonly ready: Promise<void>
  /** In milliseconds of `performance.now()`. Forgets what was set before; may ring a moment too late, and once more for nothing. */
  set(due: number): void
  stop(): void
}

/**
 * A thread that sleeps until then: it can wait for a fraction of a millisecond, and the thread with the event loop could only by spinning.
 * Evaluated from its text, because neither a test runner nor a bundler has a file of it to load.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const due = new BigInt64Array(workerData, 0, 1)
const changes = new Int32Array(workerData, 8, 1)
for (;;) {
  const seen = Atomics.load(changes, 0)
  const at = Atomics.load(due, 0)
  const leftMs = at === 0n ? Infinity : Number(at - process.hrtime.bigint()) / 1e6
  if (leftMs > 0) Atomics.wait(changes, 0, seen, leftMs)
  else if (Atomics.compareExchange(due, 0, at, 0n) === at) parentPort.postMessage(0)
}
`

export function createAlarm(ring: () => void): Alarm {
  const shared = new SharedArrayBuffer(16)
  /** Nanoseconds of `process.hrtime`, which all threads share; 0 for none. */
  const due = new BigInt64Array(shared, 0, 1)
  const changes = new Int32Array(shared, 8, 1)
  const thread = new Worker(THREAD, { eval: true, workerData: shared, env: {}, execArgv: [] })
  const ready = new Promise<void>((resolve) => {
    thread.once('online', resolve)
    // It was stopped before.
    thread.once('exit', () => resolve())
  }).then(() => thread.unref())
  thread.on('message', ring)
  return {
    ready,
    set(at) {
      const leftMs = at - performance.now()
      Atomics.store(due, 0, process.hrtime.bigint() + BigInt(Math.round(leftMs * 1e6)))
      Atomics.add(changes, 0, 1)
      Atomics.notify(changes, 0)
    },
    stop() {
      void thread.terminate()
    },
  }
}
