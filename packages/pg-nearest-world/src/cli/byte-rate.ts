import { UsageError } from './usage-error.ts'

const prefix = { '': 1, k: 1e3, m: 1e6, g: 1e9 } as const

const isPrefix = (letter: string): letter is keyof typeof prefix => Object.hasOwn(prefix, letter)

/** Bytes per second from `125000`, `500kB`, `1.5MB` or `10Mbit` (decimal: k is 1,000); `off` is no limit, `Infinity`. */
export function parseByteRate(text: string): number {
  if (/^(?:off|none|unlimited)$/i.test(text)) return Infinity
  const [, number, letter = '', bits] = /^(\d+(?:\.\d+)?)([kmg]?)(?:(bits?)|b)?(?:\/s|ps)?$/i.exec(text) ?? []
  const size = letter.toLowerCase()
  const bytes = isPrefix(size) ? (Number(number) * prefix[size]) / (bits === undefined ? 1 : 8) : Number.NaN
  if (bytes >= 1) return bytes
  throw new UsageError(`${JSON.stringify(text)} is not a rate per second. Write 500kB, 10MB, 100Mbit or off.`)
}

/** `500 kB/s`, `12.5 MB/s`, `no limit`. */
export function formatByteRate(bytesPerSecond: number): string {
  return bytesPerSecond === Infinity ? 'no limit' : `${formatBytes(bytesPerSecond)}/s`
}

/** `0 B`, `16.8 kB`, `1.2 MB`: decimal. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`
  const [size, unit] = bytes < 1e6 ? [1e3, 'kB'] : bytes < 1e9 ? [1e6, 'MB'] : [1e9, 'GB']
  return `${Math.round((bytes / size) * 10) / 10} ${unit}`
}
