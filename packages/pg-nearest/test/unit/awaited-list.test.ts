import { expect, test } from 'vitest'
import { isTransient } from '../../src/route/failure-meaning.ts'

test.each(['ENOTFOUND', '3D000', '28P01'])(
  '%s does not pass by waiting, unless the first list of servers is to come, which may name others',
  (code) => {
    const failed = { kind: 'no-connection', why: 'refused', error: { code } } as const
    expect(isTransient(failed)).toBe(false)
    expect(isTransient({ ...failed, beforeList: true })).toBe(true)
  },
)
