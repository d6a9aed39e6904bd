/** Replaces the last line of a terminal; elsewhere nothing is shown. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}
