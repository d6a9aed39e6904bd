import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { greatCircleKm } from '../../src/geo/great-circle.ts'
import { estimatedRtt, regionRtt } from '../../src/geo/region-rtt.ts'
import { regions } from '../../src/geo/regions.ts'
import { WorldError } from '../../src/world-error.ts'

const codes = [...regions.keys()]
const anyCode = fc.constantFrom(...codes)
const anyPlace = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
})
const HALF_WAY_ROUND_KM = Math.PI * 6371.0088

function place(code: string): { latitude: number; longitude: number } {
  const region = regions.get(code)
  if (!region) throw new Error(`no region ${code}`)
  return region
}

describe('regions', () => {
  test('the 18 that are open today are all there, and no other is open', () => {
    const open = codes.filter((code) => regions.get(code)?.retired === false)
    const today = 'ams arn bom cdg dfw ewr fra gru iad jnb lax lhr nrt ord sin sjc syd yyz'
    expect(open.join(' ')).toBe(today)
  })

  test.each(['atl', 'hkg', 'sea'])('%s is known, and retired', (code) => {
    expect(regions.get(code)?.retired).toBe(true)
  })

  test('no two share a city or a place, and each is listed under its own code', () => {
    const all = [...regions.values()]
    expect(new Set(all.map((region) => region.city)).size).toBe(all.length)
    expect(new Set(all.map((region) => `${region.latitude} ${region.longitude}`)).size).toBe(all.length)
    expect(all.map((region) => region.code)).toEqual(codes)
    expect(all.length).toBe(36)
  })

  // Known flight distances, to a percent: a slip in a coordinate shows as a wrong distance.
  test.each([
    ['lhr', 'cdg', 348],
    ['lhr', 'iad', 5918],
    ['lax', 'iad', 3678],
    ['nrt', 'sin', 5352],
    ['gru', 'jnb', 7427],
    ['syd', 'scl', 11361],
    ['sjc', 'syd', 11945],
    ['fra', 'bom', 6573],
    ['ord', 'yyz', 701],
    ['nrt', 'ord', 10074],
    ['arn', 'ams', 1154],
    ['ewr', 'bos', 322],
    ['dfw', 'mia', 1806],
  ])('%s and %s are %d km apart', (a, b, km) => {
    expect(Math.abs(greatCircleKm(place(a), place(b)) - km)).toBeLessThan(km * 0.01 + 3)
  })
})

describe('great circle', () => {
  test.each([
    ['a quarter of the equator', { latitude: 0, longitude: 0 }, { latitude: 0, longitude: 90 }, HALF_WAY_ROUND_KM / 2],
    ['pole to pole', { latitude: 90, longitude: 10 }, { latitude: -90, longitude: -120 }, HALF_WAY_ROUND_KM],
    ['over the date line', { latitude: 0, longitude: 179 }, { latitude: 0, longitude: -179 }, HALF_WAY_ROUND_KM / 90],
    ['antipodes', { latitude: 12, longitude: 34 }, { latitude: -12, longitude: -146 }, HALF_WAY_ROUND_KM],
  ])('%s', (_, a, b, km) => {
    expect(greatCircleKm(a, b)).toBeCloseTo(km, 3)
  })

  test('is a metric: zero on itself, symmetric, no detour is shorter', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, anyPlace, (a, b, c) => {
        expect(greatCircleKm(a, a)).toBe(0)
        expect(greatCircleKm(a, b)).toBeCloseTo(greatCircleKm(b, a), 6)
        expect(greatCircleKm(a, b)).toBeLessThanOrEqual(HALF_WAY_ROUND_KM + 1e-6)
        expect(greatCircleKm(a, c)).toBeLessThanOrEqual(greatCircleKm(a, b) + greatCircleKm(b, c) + 1e-4)
      }),
    )
  })
})

describe('regionRtt', () => {
  test.each([
    ['ord', 128],
    ['syd', 137],
    ['atl', 169],
    ['ams', 220],
  ])('nrt and %s: %d ms, as measured, both ways', (code, ms) => {
    expect(regionRtt('nrt', code)).toBe(ms)
    expect(regionRtt(code, 'nrt')).toBe(ms)
  })

  // The figures in ROUTE_FACTOR's comment.
  test.each([
    ['ord', 171],
    ['syd', 133],
    ['atl', 187],
    ['ams', 159],
  ])('the formula alone gives nrt and %s %d ms', (code, ms) => {
    const [nrt, other] = [regions.get('nrt'), regions.get(code)]
    expect(nrt && other && Math.round(estimatedRtt(nrt, other))).toBe(ms)
  })

  test('zero within a region and only there, the same both ways, never faster than light, never absurd', () => {
    fc.assert(
      fc.property(anyCode, anyCode, (a, b) => {
        const ms = regionRtt(a, b)
        expect(regionRtt(a, a)).toBe(0)
        expect(ms).toBe(regionRtt(b, a))
        expect(ms).toBeGreaterThanOrEqual((2 * greatCircleKm(place(a), place(b))) / 299.792458)
        expect(ms).toBeLessThan(400)
        expect(ms > 1).toBe(a !== b)
      }),
    )
  })

  test.each([
    ['nrt', 'xyz'],
    ['xyz', 'nrt'],
    ['xyz', 'xyz'],
    ['NRT', 'ord'],
    ['', 'ord'],
    ['constructor', 'ord'],
  ])('%s and %s: an unknown code is an error that says what to use', (a, b) => {
    expect(() => regionRtt(a, b)).toThrow(WorldError)
    expect(() => regionRtt(a, b)).toThrow(expect.objectContaining({ code: 'WORLD_UNKNOWN_REGION' }))
    expect(() => regionRtt(a, b)).toThrow(/is not known\. Use one of ams, arn, .* or give .* in the option rtt\./)
  })
})
