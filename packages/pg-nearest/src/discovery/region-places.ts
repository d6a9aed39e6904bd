import { AREAS } from './metro-areas.ts'

/** Where the areas are, by the first code of each: degrees north and east, as whole as a round trip can tell. */
const PLACES = `
  iad 39 -77, cle1 40 -83, ewr 41 -74, ord 42 -88, dfw 33 -97, pdx1 46 -121, sjc 37 -122, lax 34 -118, yul 45 -74, yyz 44 -80,
  gru -23 -46, lhr 51 0, dub1 53 -6, cdg 49 3, ams 52 5, fra 50 9, arn 60 18, eu-central-2 47 9, eu-south-1 45 9, waw 52 21,
  nrt 36 140, kix1 35 135, icn1 37 127, hkg 22 114, sin 1 104, bom 19 73, dxb1 25 55, syd -34 151, jnb -26 28, cpt1 -34 19,
  atl 34 -84, bog 5 -74, bos 42 -71, den 40 -105, eze -35 -59, gdl 21 -103, gig -23 -43, maa 13 80, mad 40 -4, mia 26 -80,
  otp 45 26, phx 33 -112, qro 21 -100, scl -33 -71, sea 47 -122`

interface Coordinates {
  readonly north: number
  readonly east: number
}

const EARTH_RADIUS_KM = 6_371

const placeOf: ReadonlyMap<string, Coordinates> = new Map(
  PLACES.split(',').flatMap((row) => {
    const [code = '', north, east] = row.trim().split(' ')
    const codes = AREAS.find((area) => area.startsWith(`${code} `))?.split(' ') ?? [code]
    return codes.map((each): [string, Coordinates] => [each, { north: Number(north), east: Number(east) }])
  }),
)

/** Whether a platform has a region of this name, and nobody else. */
export function isPlatformRegion(code: string): boolean {
  return placeOf.has(code)
}

/** Along the shortest way over the Earth; `undefined` if one of the two is a region of somebody's own. */
export function kilometresBetween(a: string, b: string): number | undefined {
  const from = placeOf.get(a)
  const to = placeOf.get(b)
  if (a === b) return 0
  if (from === undefined || to === undefined) return undefined
  const half = (degrees: number): number => Math.sin((degrees * Math.PI) / 360) ** 2
  const cosine = ({ north }: Coordinates): number => Math.cos((north * Math.PI) / 180)
  const h = half(to.north - from.north) + cosine(from) * cosine(to) * half(to.east - from.east)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, h)))
}
