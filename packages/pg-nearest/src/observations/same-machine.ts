/** Machines come and go behind a reader's name. */
const REMEMBERED = 32

/** A restart keeps the address and the port; and a machine may have several addresses. Over a socket none is told. */
export function isSameMachine(a: string, b: string): boolean {
  const [startOfA, ...placeOfA] = a.split(' ')
  const [startOfB, ...placeOfB] = b.split(' ')
  return startOfA === startOfB || placeOfA.join(' ') === placeOfB.join(' ')
}

export function isAmong(machines: readonly string[], machine: string): boolean {
  return machines.some((each) => isSameMachine(each, machine))
}

/** With this machine as the latest, which is last. The earliest is forgotten. */
export function withMachine(machines: readonly string[], machine: string): readonly string[] {
  if (machines.at(-1) === machine) return machines
  return [...machines.filter((each) => !isSameMachine(each, machine)), machine].slice(-REMEMBERED)
}
