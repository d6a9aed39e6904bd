/** An error in one line, for a person. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : String(error)
}
