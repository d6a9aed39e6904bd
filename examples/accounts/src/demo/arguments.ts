import { parseArgs } from 'node:util'

export interface DemoArguments {
  /** End after the tables instead of staying up. */
  readonly once: boolean
  /** The figures as one JSON object instead of tables. */
  readonly json: boolean
  /** How long each read is measured. */
  readonly seconds: number
  readonly help: boolean
}

export const usage = `npm run demo [-- options]

A primary in Tokyo and replicas in Chicago, Sydney, Atlanta and Amsterdam, the real distances between them, and the accounts
app in all five, behind one URL at which you choose where to browse from. Prints what reads cost without and with pg-nearest, and
what requests that write cost, sent directly and replayed beside the primary. Stays up until Ctrl-C.

  --once           end after the tables
  --time SECONDS   for each measurement, default 2
  --json           the figures as one JSON object
  --help`

/** @throws Error for what cannot be understood. */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      time: { type: 'string', default: '2' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const seconds = Number(values.time)
  if (!(seconds >= 0.1 && seconds <= 600)) throw new Error('--time takes seconds, from 0.1 to 600.')
  return { once: values.once, json: values.json, help: values.help, seconds }
}
