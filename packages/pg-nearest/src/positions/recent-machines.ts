/** Machines come and go behind a reader's name: of so many something is remembered. */
const REMEMBERED = 256

/** Sets what is remembered of a machine, and forgets the one that was met first, if there are too many. */
export function setRecent<T>(machines: Map<string, T>, machine: string, value: T): void {
  machines.set(machine, value)
  if (machines.size <= REMEMBERED) return
  const [oldest] = machines.keys()
  if (oldest !== undefined) machines.delete(oldest)
}
