import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { OptionError } from '../errors.ts'

/** Where spans and measurements go, and what they contain. */
export interface InstrumentOptions {
  /** Default: the global one, which may be registered later. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the global one at this time, so register yours before. */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * Whether spans carry the statement's text (`db.query.text`), whose values are never reported. Default: only a text that
   * came with values, or contains no string and no number, because others may contain personal data. `true`: every text.
   * `false`: none.
   */
  readonly statementText?: boolean | undefined
}

/** @throws OptionError for an option that is unknown or has a wrong value. */
export function checkInstrumentOptions(options: InstrumentOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const must = MUST[name]
    if (must === undefined) {
      throw new OptionError(name, `${name} is no option of instrument(): there are ${Object.keys(MUST).join(', ')}.`)
    }
    if (value !== undefined && !must.holds(value)) throw new OptionError(name, `${name} must be ${must.text}.`)
  }
}

interface Must {
  readonly text: string
  readonly holds: (value: unknown) => boolean
}

const MUST: Readonly<Record<string, Must>> = {
  tracerProvider: { text: 'a TracerProvider of OpenTelemetry', holds: (value) => has(value, 'getTracer') },
  meterProvider: { text: 'a MeterProvider of OpenTelemetry', holds: (value) => has(value, 'getMeter') },
  statementText: { text: 'true or false', holds: (value) => typeof value === 'boolean' },
}

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function'
}
