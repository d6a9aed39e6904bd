import { describe, expect, test } from 'vitest'
import spec from '../../spec/classification.json' with { type: 'json' }
import { classify } from '../../src/classification/classify.ts'

describe('spec/classification.json', () => {
  for (const { section, cases } of spec.sections) {
    describe(section, () => {
      for (const { name, text, ...need } of cases) {
        test(name, () => {
          expect(classify(text)).toEqual(need)
        })
      }
    })
  }

  test('no text stands in it twice', () => {
    const texts = spec.sections.flatMap(({ cases }) => cases.map(({ text }) => text))
    expect(new Set(texts).size).toBe(texts.length)
  })
})
