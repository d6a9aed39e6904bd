/** A name that the caller wrote, for a message. One that could be a misplaced URL or secret is left out. */
export function redactName(name: string): string {
  return /^[\p{L}\p{N} \t_.-]{0,40}$/u.test(name) ? JSON.stringify(name) : 'a text that is not repeated here'
}
