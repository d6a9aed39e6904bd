import { AsyncLocalStorage } from 'node:async_hooks'
import { isOutcomeUnknownError, type NearestPool } from 'pg-nearest'
import { Recorder } from './recorder.ts'
import { isRead, type Deed, type Kind } from './deed.ts'
import type { Loss } from './verdict.ts'

/** An operation that has not ended by then is given up. */
const PATIENCE_MS = 30_000
/** What does not end although it was aborted is left behind. */
const MORE_PATIENCE_MS = 2_000

/** Notes what the apps do and are told. */
export class Diary {
  readonly deeds: Deed[] = []
  readonly losses: Loss[] = []
  readonly recorder: Recorder = new Recorder()
  readonly #sessions = new AsyncLocalStorage<string>()
  #nextId = 1
  #open = 0

  /** How many operations are under way. */
  get open(): number {
    return this.#open
  }

  /** The session that is at work here; `undefined` outside of {@link note}. */
  get session(): string | undefined {
    return this.#sessions.getStore()
  }

  /** A number for a row, that no other row has. */
  newId(): number {
    return this.#nextId++
  }

  /** Drops what had ended by then, for a load without end. */
  forget(before: number): void {
    this.deeds.splice(0, firstAfter(this.deeds, before))
    this.losses.splice(
      0,
      firstWith(this.losses, ({ at }) => at >= before),
    )
    this.recorder.history.splice(0, firstAfter(this.recorder.history, before))
  }

  listen(pool: NearestPool): void {
    pool.on('error', () => undefined)
    // A listener runs in the context of the call that found out, so that it knows whose session it was.
    pool.on('position-lost', () =>
      this.losses.push({ session: this.#sessions.getStore() ?? '?', at: this.recorder.now() }),
    )
  }

  /**
   * Runs an operation of a session, for as long as the patience lasts.
   *
   * @param work - returns the server that answered.
   */
  async note(
    doing: { readonly app: string; readonly kind: Kind; readonly session: string; readonly ids?: readonly number[] },
    work: (signal: AbortSignal, invokedAt: number) => Promise<string>,
  ): Promise<Deed['outcome']> {
    const { app, kind, session, ids = [] } = doing
    const invokedAt = this.recorder.now()
    const ending = new AbortController()
    const { signal } = ending
    const timer = setTimeout(() => ending.abort(new DOMException('It took too long.', 'TimeoutError')), PATIENCE_MS)
    const add = (rest: Pick<Deed, 'outcome'> & Partial<Deed>): Deed['outcome'] => {
      this.deeds.push({ app, kind, ids, invokedAt, completedAt: this.recorder.now(), ...rest })
      return rest.outcome
    }
    this.#open++
    try {
      const server = await orHung(this.#sessions.run(session, () => work(signal, invokedAt)))
      return add({ outcome: 'ok', server })
    } catch (error) {
      return add({ outcome: outcomeOf(error, signal, kind), code: codeOf(error), message: String(error) })
    } finally {
      clearTimeout(timer)
      this.#open--
    }
  }
}

function firstAfter(ended: readonly { readonly completedAt: number }[], before: number): number {
  return firstWith(ended, ({ completedAt }) => completedAt >= before)
}

function firstWith<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const index = items.findIndex(holds)
  return index === -1 ? items.length : index
}

function outcomeOf(error: unknown, { aborted }: AbortSignal, kind: Kind): Deed['outcome'] {
  if (isOutcomeUnknownError(error) && !isRead({ kind })) return 'unknown'
  return aborted ? 'aborted' : 'failed'
}

class HungError extends Error {
  override readonly name = 'HungError'
}

async function orHung<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HungError('It did not even end when aborted.')), PATIENCE_MS + MORE_PATIENCE_MS)
  })
  try {
    return await Promise.race([work, hung])
  } finally {
    clearTimeout(timer)
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
