/** What the page may ask of the world. */
export type Action =
  | { readonly do: 'kill' | 'start' | 'pause' | 'resume' | 'promote' | 'add'; readonly region: string }
  | { readonly do: 'lag'; readonly region: string; readonly ms: number }
  | { readonly do: 'rtt'; readonly a: string; readonly b: string; readonly ms: number }
  | { readonly do: 'partition' | 'heal'; readonly a: string; readonly b: string }
  | { readonly do: 'sessions'; readonly on: boolean }
  | { readonly do: 'chaos'; readonly on: boolean }
  | { readonly do: 'cross'; readonly from: string; readonly to: string; readonly text: string }

const MOST_LAG_MS = 60_000
const MOST_RTT_MS = 2_000
const MOST_TEXT = 80
const REGION = /^[a-z][a-z0-9-]{0,15}$/

/** `undefined` for what is none. Which regions there are, the world says. */
export function parseAction(asked: unknown): Action | undefined {
  if (typeof asked !== 'object' || asked === null) return undefined
  const given = asked as Readonly<Record<string, unknown>>
  const region = regionOf(given.region)
  const [a, b] = [regionOf(given.a), regionOf(given.b)]
  switch (given.do) {
    case 'kill':
    case 'start':
    case 'pause':
    case 'resume':
    case 'promote':
    case 'add':
      return region === undefined ? undefined : { do: given.do, region }
    case 'lag': {
      const ms = amountOf(given.ms, MOST_LAG_MS)
      return region === undefined || ms === undefined ? undefined : { do: 'lag', region, ms }
    }
    case 'rtt': {
      const ms = amountOf(given.ms, MOST_RTT_MS)
      return a === undefined || b === undefined || ms === undefined ? undefined : { do: 'rtt', a, b, ms }
    }
    case 'partition':
    case 'heal':
      return a === undefined || b === undefined ? undefined : { do: given.do, a, b }
    case 'sessions':
    case 'chaos':
      return typeof given.on === 'boolean' ? { do: given.do, on: given.on } : undefined
    case 'cross': {
      const [from, to] = [regionOf(given.from), regionOf(given.to)]
      const { text } = given
      if (from === undefined || to === undefined || typeof text !== 'string') return undefined
      return text.length > 0 && text.length <= MOST_TEXT ? { do: 'cross', from, to, text } : undefined
    }
    default:
      return undefined
  }
}

function regionOf(given: unknown): string | undefined {
  return typeof given === 'string' && REGION.test(given) ? given : undefined
}

function amountOf(given: unknown, most: number): number | undefined {
  return typeof given === 'number' && given >= 0 && given <= most ? given : undefined
}
