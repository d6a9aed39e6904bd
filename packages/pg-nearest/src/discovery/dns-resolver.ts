import { Resolver } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { codeOf } from '../driver-errors.ts'
import { addressesIn, type DnsAddress } from './parse-dns-answers.ts'

/** What is used of `Resolver` of `node:dns/promises`. */
export type DnsResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveSrv' | 'resolveTxt'>

/** One try. All questions of one list must fit into the time that it may take. */
const TIMEOUT_MS = 1_500
/** There is no such name, or no record of that type. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENODATA', 'ENOTFOUND'])

/** Asks the servers of the system's configuration. */
export function createResolver(): DnsResolver {
  return new Resolver({ timeout: TIMEOUT_MS, tries: 2 })
}

/** Which addresses are meant, where a name has those of both kinds, which lead to the same machines. Without it those of IPv4, if any. */
export type AddressFamily = 4 | 6 | undefined

/**
 * The addresses of a name.
 *
 * @param known - those that it had: where some are of IPv4, and the question for those fails, those of IPv6 do not take their place
 * @returns an empty list if there are none; `undefined` if that is not known, for a question has failed
 */
export async function resolveAddresses(
  resolver: DnsResolver,
  name: string,
  family: AddressFamily,
  known: readonly string[] = [],
): Promise<readonly DnsAddress[] | undefined> {
  const ttl = { ttl: true } as const
  const [first, second] = await Promise.all([
    family === 6 ? [] : addressesOf(resolver.resolve4(name, ttl)),
    family === 4 ? [] : addressesOf(resolver.resolve6(name, ttl)),
  ])
  if (first !== undefined && first.length > 0) return first
  if (first === undefined && known.some(isIPv4)) return undefined
  if (second !== undefined && second.length > 0) return second
  return first === undefined || second === undefined ? undefined : []
}

async function addressesOf(question: Promise<unknown>): Promise<readonly DnsAddress[] | undefined> {
  try {
    return addressesIn(await question)
  } catch (error) {
    return ABSENT.has(codeOf(error)) ? [] : undefined
  }
}
