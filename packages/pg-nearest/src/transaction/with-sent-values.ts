import { isSubmittable, parseQueryArguments } from '../route/parse-query-arguments.ts'
import type { RoutedClient } from '../route/query-types.ts'
import { isUnsendable, prepareValues, type QueryInternals } from '../wire/pg-internals.ts'

type QueryArguments = Parameters<RoutedClient['query']>

/** The same query, whose values are converted now, so that it shows ahead of COMMIT whether they can be. */
export function withSentValues(args: QueryArguments): {
  readonly given: QueryArguments
  readonly isSendable: boolean
} {
  const [query, values, last] = args as readonly unknown[]
  if (isSubmittable(query)) return { given: args, isSendable: true }
  const { request, callback } = parseQueryArguments(query, values, last)
  const config = request.config as Partial<QueryInternals>
  prepareValues(config)
  const given = (callback === undefined ? [config] : [config, callback]) as unknown as QueryArguments
  return { given, isSendable: !isUnsendable(config) }
}
