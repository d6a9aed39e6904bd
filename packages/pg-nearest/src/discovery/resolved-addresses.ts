/** The addresses behind each of several names, in the order in which they were first seen, with how many answers in a row lack each. */
export type ResolvedAddresses = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What an answer says of a name; `undefined`: nothing, so that what is known stays. */
export type AnsweredAddresses = ReadonlyMap<string, readonly string[] | undefined>

/** An address that this many answers in a row lack is gone: one of them may have been wrong. */
const GONE_AFTER = 2

/**
 * What is known after another answer. A name that the answer does not have is one without addresses. What would leave no address at all is
 * no answer: then all stays as it was.
 */
export function afterAnswer(known: ResolvedAddresses, answer: AnsweredAddresses): ResolvedAddresses {
  const next = new Map<string, ReadonlyMap<string, number>>()
  for (const name of new Set([...known.keys(), ...answer.keys()])) {
    const before = known.get(name) ?? new Map<string, number>()
    const said = answer.has(name) ? answer.get(name) : []
    const after = said === undefined || (said.length === 0 && answer.has(name)) ? before : merged(before, said)
    if (after.size > 0) next.set(name, after)
  }
  return next.size === 0 ? known : next
}

function merged(before: ReadonlyMap<string, number>, said: readonly string[]): ReadonlyMap<string, number> {
  const lacking = [...before].map(([address, lacked]): [string, number] => [
    address,
    said.includes(address) ? 0 : lacked + 1,
  ])
  const kept = lacking.filter(([, lacked]) => lacked < GONE_AFTER)
  const added = said.filter((address) => !before.has(address)).map((address): [string, number] => [address, 0])
  return new Map([...kept, ...added])
}
