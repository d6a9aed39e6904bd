/** What an error says. An `AggregateError` of sockets has no message of its own. */
export function errorText(error: unknown): string {
  const causes = error instanceof AggregateError && error.message === '' ? error.errors : [error]
  const texts = causes.map((cause: unknown) => (cause instanceof Error ? cause.message || cause.name : String(cause)))
  return texts.join('; ')
}
