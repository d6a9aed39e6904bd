/** `14:03:59`, where the reader is. */
export function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}
