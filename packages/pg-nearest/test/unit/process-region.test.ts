import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { regionFinder } from '../../src/discovery/process-region.ts'
import { AREAS, isSameArea } from '../../src/discovery/metro-areas.ts'
import { REGION_VARIABLES } from '../../src/discovery/region-variables.ts'
import spec from '../../spec/regions.json' with { type: 'json' }

interface Case {
  readonly name: string
  readonly option?: string | boolean
  readonly env: Readonly<Record<string, string>>
  readonly listed: readonly (string | null)[]
  readonly region: string | null
  readonly variable?: string
  readonly unmatched?: readonly string[]
}
const cases: readonly Case[] = spec.cases

describe('the region of a process', () => {
  test.each(cases)('$name', ({ option, env, listed, region, variable, unmatched = [] }) => {
    const find = regionFinder(option, env)
    expect(find(listed.map((each) => each ?? undefined))).toEqual({ region: region ?? undefined, variable, unmatched })
  })

  test('is one of those that are listed, or unknown, whatever the variables hold', () => {
    const code = fc.constantFrom('nrt', 'hnd1', 'us-east-1', 'iad', 'eu-west-1', 'West Europe', 'no code!', '')
    const env = fc.dictionary(fc.constantFrom(...REGION_VARIABLES), code)
    fc.assert(
      fc.property(env, fc.array(code), (variables, listed) => {
        const { region, variable, unmatched } = regionFinder(undefined, variables)(listed)
        expect([undefined, ...listed.map(String)]).toContain(region)
        expect(variable === undefined).toBe(region === undefined)
        expect(region !== undefined && unmatched.length > 0).toBe(false)
      }),
    )
  })
})

describe('one area', () => {
  test('no code stands in two of them', () => {
    const codes = AREAS.flatMap((area) => area.split(' '))
    expect(new Set(codes).size).toBe(codes.length)
  })

  test.each(spec.areas)('$a and $b: $same', ({ a, b, same }) => {
    expect(isSameArea(a, b)).toBe(same)
    expect(isSameArea(b, a)).toBe(same)
  })
})
