/** One line on a terminal that says how far it is, and nothing elsewhere. */
export interface Progress extends Disposable {
  show(text: string): void
}

export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  const write = (text: string): void => {
    if (stream.isTTY) stream.write(`\r\u001B[K${text}`)
  }
  return { show: write, [Symbol.dispose]: () => write('') }
}
