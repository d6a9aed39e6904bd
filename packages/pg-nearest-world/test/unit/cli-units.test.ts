import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatByteRate, formatBytes, parseByteRate } from '../../src/cli/byte-rate.ts'
import { nearestWord } from '../../src/cli/nearest-word.ts'
import { formatDuration, parseDuration } from '../../src/cli/duration.ts'
import { errorText } from '../../src/cli/error-text.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

describe('lengths of time', () => {
  test.each([
    ['0', 0],
    ['300', 300],
    ['250ms', 250],
    ['2.5ms', 2.5],
    ['5s', 5000],
    ['1.5S', 1500],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1h', 3_600_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', 's', '-1', '1 s', '1,5s', '5sec', '1e3', 'Infinity', '5constructor', '.5s'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError)
  })

  test.each([
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [127.6, '128 ms'],
    [999.4, '999 ms'],
    [1000, '1 s'],
    [1500, '1.5 s'],
    [60_000, '1 min'],
    [5_400_000, '1.5 h'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('what is printed can be typed', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (ms) => {
        const again = parseDuration(formatDuration(ms).replace(' ', ''))
        expect(Math.abs(again - ms)).toBeLessThanOrEqual(Math.max(0.05, ms * 0.051))
      }),
    )
  })
})

describe('rates', () => {
  test.each([
    ['125000', 125_000],
    ['500kB', 500_000],
    ['500k', 500_000],
    ['1.5MB/s', 1_500_000],
    ['10Mbit', 1_250_000],
    ['1gbits/s', 125_000_000],
    ['8bit', 1],
    ['off', Infinity],
    ['unlimited', Infinity],
  ])('%s is %d bytes per second', (text, rate) => {
    expect(parseByteRate(text)).toBe(rate)
  })

  test.each(['', '0', '7bit', '-5', '5T', 'kB', '5 kB', 'NaN'])('%j is none', (text) => {
    expect(() => parseByteRate(text)).toThrow(UsageError)
  })

  test.each([
    [Infinity, 'no limit'],
    [1, '1 B/s'],
    [12_500_000, '12.5 MB/s'],
  ])('%d reads %s', (rate, text) => {
    expect(formatByteRate(rate)).toBe(text)
  })

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [16_800, '16.8 kB'],
    [3_000_000_000, '3 GB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('closest', () => {
  const names = ['status', 'start', 'stop', 'partition', 'kill', 'ord']

  test.each([
    ['statsu', 'status'],
    ['Kil', 'kill'],
    ['part', 'partition'],
    ['odr', 'ord'],
    ['potato', undefined],
    ['', undefined],
  ])('%j was to be %s', (word, meant) => {
    expect(nearestWord(word, names)).toBe(meant)
  })

  test('a name itself is closest to itself, and one wrong letter is forgiven', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
        expect(nearestWord(name, names)).toBe(name)
        const index = at % name.length
        expect(nearestWord(`${name.slice(0, index)}#${name.slice(index + 1)}`, [name])).toBe(name)
      }),
    )
  })
})

describe('errorText', () => {
  test.each([
    [new Error('no'), 'no'],
    [new TypeError(), 'TypeError'],
    [new AggregateError([new Error('a'), new Error('b')]), 'a; b'],
    [new AggregateError([new Error('a')], 'all of them'), 'all of them'],
    ['text', 'text'],
  ])('%s', (error, text) => {
    expect(errorText(error)).toBe(text)
  })
})
