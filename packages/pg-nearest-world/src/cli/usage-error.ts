/** The user's input cannot be understood or carried out. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
