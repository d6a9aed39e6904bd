/** Removes user and password from every URL in a text. A password may contain `@`. */
export function redactPasswords(text: string): string {
  return text
    .replaceAll(/\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#"']*@/gi, '$1…@')
    .replaceAll(/\b(password\s*=\s*)(?:'[^']*'|"[^"]*"|[^\s&]*)/gi, '$1…')
}
