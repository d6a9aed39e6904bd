/** A caller who waits no longer once it is refused. No effect on one that does not wait any more. */
export interface Refusable {
  refuse(error: unknown): void
}
