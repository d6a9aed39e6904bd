import { doctorCommand } from '../../src/cli/doctor-command.ts'

/** Its exit code, and what it prints. */
export async function runDoctor(argv: readonly string[]): Promise<[code: number, out: string]> {
  let out = ''
  const print = (text: string): void => void (out += text)
  const interrupted = new AbortController().signal
  const code = await doctorCommand(argv, {
    env: {},
    color: false,
    columns: undefined,
    print,
    redraw: print,
    progress: print,
    complain: print,
    interrupted,
  })
  return [code, out]
}
