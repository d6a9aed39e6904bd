/** Machines come and go behind a reader's name. */
const REMEMBERED = 32

/** A restart keeps the address and the port; and a machine may have several addresses. Over a socket none is told. */
export function isSameMachine(a: string, b: string): boolean {
  return isSameRun(a, b) || placeOf(a) === placeOf(b)
}

/** It has not restarted since, either. */
export function isSameRun(a: string, b: string): boolean {
  return startOf(a) === startOf(b)
}

/** Another one tells the same address and port, as in containers on several hosts: the place tells no machine from another. */
export function isPlaceShared(machine: string, others: readonly (string | undefined)[]): boolean {
  const place = placeOf(machine)
  return (
    place !== '' &&
    others.some((other) => other !== undefined && placeOf(other) === place && !isSameRun(other, machine))
  )
}

export function isAmong(
  machines: readonly string[],
  machine: string,
  isSame: typeof isSameMachine = isSameMachine,
): boolean {
  return machines.some((each) => isSame(each, machine))
}

/** It has been started since then, by its server's clock in milliseconds since the epoch. */
export function isStartedSince(machine: string, clockMs: number): boolean {
  return Number(startOf(machine)) * 1_000 > clockMs
}

function startOf(machine: string): string {
  return machine.split(' ', 1).join('')
}

function placeOf(machine: string): string {
  return machine.slice(startOf(machine).length)
}

/** With this machine as the latest, which is last. The earliest is forgotten. */
export function withMachine(machines: readonly string[], machine: string): readonly string[] {
  if (machines.at(-1) === machine) return machines
  return [...machines.filter((each) => !isSameMachine(each, machine)), machine].slice(-REMEMBERED)
}
