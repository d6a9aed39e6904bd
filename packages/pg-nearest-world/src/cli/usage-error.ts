/** What a person wrote cannot be understood or done; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
