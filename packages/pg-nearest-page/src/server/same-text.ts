/** In a time that does not tell how much of it was right. */
export function sameText(given: string, wanted: string): boolean {
  let differences = given.length ^ wanted.length
  for (let i = 0; i < wanted.length; i++) differences |= wanted.charCodeAt(i) ^ (given.charCodeAt(i) || 0)
  return differences === 0
}
