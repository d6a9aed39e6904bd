/** Of the machines behind one name, those that a caller would rather have, and whom he lets go first. */
export interface Preference {
  suits(machine: string): boolean
  /** A new connection, which may lead to one of them, is better than one that leads elsewhere. */
  readonly insists: boolean
  /** Whoever waits behind him goes first, unless he does the same. Default false. */
  readonly givesWay?: boolean | undefined
}

/** All machines are equal. */
export const GIVES_WAY: Preference = { suits: () => true, insists: false, givesWay: true }

/** The machine that a connection leads to, if that has told. */
export interface Leading {
  readonly machine: string | undefined
}

/** Whether a connection may lead where somebody would rather be. */
export function maySuit({ machine }: Leading, preference: Preference | undefined): boolean {
  return preference === undefined || machine === undefined || preference.suits(machine)
}

/** The last that may suit; if there is none, the last one, unless the caller insists. */
export function lastSuiting<C extends Leading>(
  connections: readonly C[],
  preference: Preference | undefined,
): C | undefined {
  const suiting = connections.findLast((each) => maySuit(each, preference))
  return suiting === undefined && preference?.insists !== true ? connections.at(-1) : suiting
}
