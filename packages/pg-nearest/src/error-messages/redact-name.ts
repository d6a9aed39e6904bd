/** Quotes a name for an error message, unless it could be a misplaced URL or secret. */
export function redactName(name: string): string {
  return mayBeShown(name) ? JSON.stringify(name) : 'a text that is not repeated here'
}

export function mayBeShown(name: string): boolean {
  return /^[\p{L}\p{N} \t_.-]{0,40}$/u.test(name)
}
