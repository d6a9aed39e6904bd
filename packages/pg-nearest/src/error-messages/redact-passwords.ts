/** Removes user and password from every PostgreSQL URL in a text. */
export function redactPasswords(text: string): string {
  return text.replaceAll(/\b(postgres(?:ql)?:\/\/)[^\s@]*@/gi, '$1…@').replaceAll(/\b(password=)[^\s&]*/gi, '$1…')
}
