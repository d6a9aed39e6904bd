/** `currval()` and `lastval()` tell what was generated on their own connection, by whomever. */
const ASKS = /\b(?:currval|lastval)\b/i
const GENERATES = /\b(?:insert|merge|copy|execute|nextval|setval)\b/i

/** Whether a text asks for a value that its connection has generated. */
export function asksGeneratedValue(text: string): boolean {
  return ASKS.test(text)
}

/** Whether a statement may generate such a value, as far as its text shows. What a function does is asked elsewhere. */
export function seemsToGenerateValue(text: string): boolean {
  return GENERATES.test(text)
}
