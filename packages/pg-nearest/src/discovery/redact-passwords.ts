/** A text of somebody else's, with the user and the password taken out of every URL in it. */
export function redactPasswords(text: string): string {
  return text.replaceAll(/\b(postgres(?:ql)?:\/\/)[^\s@]*@/gi, '$1…@').replaceAll(/\b(password=)[^\s&]*/gi, '$1…')
}
