import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPool, isNearestError } from '../../src/index.ts'

/** A pg from before 8.23 has no such method, and package managers may only warn of it. */
const METHOD = 'getTransactionStatus'
const descriptor = Object.getOwnPropertyDescriptor(pg.Client.prototype, METHOD)

beforeEach(() => {
  Reflect.deleteProperty(pg.Client.prototype, METHOD)
})
afterEach(() => {
  if (descriptor !== undefined) Object.defineProperty(pg.Client.prototype, METHOD, descriptor)
})

test('createPool refuses an old pg, and names the version that it needs and the one that it has found', async () => {
  const { default: installed } = (await import('pg/package.json', { with: { type: 'json' } })) as {
    default: { version: string }
  }
  const create = (): unknown => createPool({ primary: 'postgres://localhost/app' })
  expect(create).toThrow(expect.objectContaining({ code: 'NEAREST_OLD_PG' }))
  expect(create).toThrow(`needs pg 8.23 or later, and found ${installed.version}`)
  expect(create).toThrow(expect.toSatisfy(isNearestError))
})
