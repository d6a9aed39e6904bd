import { UsageError } from './usage-error.ts'

const unitMs = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 } as const

const isUnit = (unit: string): unit is keyof typeof unitMs => Object.hasOwn(unitMs, unit)

/** Milliseconds from `250ms`, `5s`, `1.5m` (or `min`) or `1h`; a number without a unit is milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text) ?? []
  const name = unit === '' ? 'ms' : unit.toLowerCase()
  if (number === undefined || !isUnit(name))
    throw new UsageError(`${JSON.stringify(text)} is not a length of time. Write 300, 250ms, 5s or 2m.`)
  return Number(number) * unitMs[name]
}

/** `0.4 ms`, `128 ms`, `5 s`, `2 min`, `1 h`: short, for people. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${round(ms)} ms`
  if (ms < 60_000) return `${round(ms / 1000)} s`
  if (ms < 3_600_000) return `${round(ms / 60_000)} min`
  return `${round(ms / 3_600_000)} h`
}

const round = (value: number): number => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value))
