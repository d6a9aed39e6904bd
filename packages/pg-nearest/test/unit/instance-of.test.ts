import { expect, test } from 'vitest'
import { instanceOf } from '../../src/errors.ts'

test('is what instanceof is, and never throws', () => {
  const { proxy, revoke } = Proxy.revocable(new RangeError('gone'), {})
  expect(instanceOf(proxy, RangeError)).toBe(true)
  revoke()
  expect(() => proxy instanceof RangeError).toThrow(TypeError)
  expect(instanceOf(proxy, RangeError)).toBe(false)
  expect([new RangeError(), new Error(), undefined, 5].map((each) => instanceOf(each, RangeError))).toEqual([
    true,
    false,
    false,
    false,
  ])
})
