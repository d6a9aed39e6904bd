/** Errors may quote whole responses. */
const LONGEST_TEXT = 2_000

/**
 * Removes user and password from every URL in a text, and the values of what is called a password. In doubt it removes more: a password
 * may contain anything that it should not, and is then the reason why its URL could not be read.
 */
export function redactPasswords(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .replaceAll(/(:\/\/)[^\s:/?#@]*:(?:(?!\w+:\/\/)[^\n])*@/g, '$1…@')
    .replaceAll(/(:\/\/)(?:(?!\w+:\/\/)\S)*@/g, '$1…@')
    .replaceAll(
      /((?:password|passwd|passphrase|secret)["']?\s*[=:]\s*)(?:'(?:''|\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\S+)/gi,
      '$1…',
    )
}
