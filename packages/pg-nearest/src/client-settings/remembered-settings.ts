import { StatementExchange } from '../exchange/statement-exchange.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { runWithinAsync, type LimitedEnd, type RunLimits } from '../send/run-with-cancellation.ts'
import type { StatementEnd } from '../wire/exchange.ts'

/** A server that does not answer may be gone. */
const UNDO_MS = 5_000

/** How a setting ended that was not made. */
type SettingEnd = Exclude<LimitedEnd<StatementEnd>, { readonly kind: 'result' }>

/**
 * What a borrowed client has set, to be made again on each connection that it goes to, and undone on each that it leaves: whoever has that next finds
 * it as it was.
 */
export class RememberedSettings {
  /** In their order, by {@link keyOf}. */
  readonly #made = new Map<string, { readonly name: string; readonly text: string }>()
  /** The connection that has them all. */
  #madeOn: Lease | undefined
  /** What each setting was before, by the connection that it was changed on. */
  readonly #before = new WeakMap<Lease, Map<string, string | undefined>>()

  get areNone(): boolean {
    return this.#made.size === 0
  }

  /** Whether there is nothing to be made on this connection. */
  areMadeOn(lease: Lease): boolean {
    return this.areNone || this.#madeOn === lease
  }

  /** Makes all of them, in one round trip. Resolves with how the first ended that failed. */
  async makeOn(lease: Lease, limits: RunLimits): Promise<SettingEnd | undefined> {
    const ends = await Promise.all(
      [...this.#made.values()].map(({ name, text }) => {
        this.keepBefore(lease, name)
        return runWithinAsync<StatementEnd>(lease, limits, (onEnd) => ask(lease, { text }, onEnd), undefined)
      }),
    )
    const failed = ends.find((end) => end.kind !== 'result')
    if (failed === undefined) this.#madeOn = lease
    return failed
  }

  /** Sends the question what a setting is ahead of what changes it, once on each connection. It costs no round trip. */
  keepBefore(lease: Lease, name: string): void {
    // Behind a pooler the next statement may run on another connection, so that nothing can be undone.
    if (lease.pooled) return
    let before = this.#before.get(lease)
    if (before === undefined) this.#before.set(lease, (before = new Map()))
    if (before.has(name)) return
    const kept = before
    kept.set(name, undefined)
    ask(lease, { text: `select pg_catalog.current_setting('${name}') as "before"` }, (end) => {
      if (end.kind !== 'result' || Array.isArray(end.result)) return
      const [row] = end.result.rows as { readonly before: string }[]
      kept.set(name, row?.before)
    })
  }

  /** A SET or RESET has succeeded. */
  remember(lease: Lease, name: string, text: string): void {
    const others = this.areMadeOn(lease)
    const key = keyOf(name, text)
    this.#made.delete(key)
    this.#made.set(key, { name, text })
    if (others) this.#madeOn = lease
  }

  /** RESET ALL or DISCARD ALL: nothing is made again. */
  forget(): void {
    this.#made.clear()
    this.#madeOn = undefined
  }

  /** Gives a connection back once it is as it was; closes it if that cannot be had. */
  release(lease: Lease, error: Error | boolean | undefined): void {
    const before = this.#before.get(lease)
    // What is open, or runs still, is ended by closing it.
    if (before === undefined || error || !lease.alive || lease.status !== 'I') return lease.release(error)
    const [names, values] = [[...before.keys()], [...before.values()]]
    if (!lease.quiet || values.includes(undefined)) return lease.release(true)
    const late = setTimeout(() => lease.kill(new Error('Connection terminated')), UNDO_MS)
    const text = `select ${names.map((name, i) => `pg_catalog.set_config('${name}', $${i + 1}, false)`).join(', ')}`
    ask(lease, { text, values }, ({ kind }) => {
      clearTimeout(late)
      lease.release(kind !== 'result')
    })
  }
}

/** The setting's name, as the latest SET of it is all that counts; but one of datestyle may change its style or its order only. */
function keyOf(name: string, text: string): string {
  return name === 'datestyle' ? text : name
}

function ask(lease: Lease, config: { text: string; values?: unknown[] }, onEnd: (end: StatementEnd) => void): void {
  lease.send(new StatementExchange(config, lease.client, onEnd))
}
