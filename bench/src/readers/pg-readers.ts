import type pg from 'pg'
import { loadOwnPg } from '../contenders/own-pg.ts'
import { textReader, type Reader } from './reader.ts'

type QueryOf = (config: { readonly text: string; readonly values: unknown[]; readonly name?: string }) => Promise<{
  readonly rows: Record<string, unknown>[]
}>

export function pgPool(url: string): Reader {
  return poolReader('pg.Pool', new (loadOwnPg().Pool)({ connectionString: url }), false)
}

/** A name for each text makes a prepared statement of it. */
export function pgPoolNamed(url: string): Reader {
  return poolReader('pg.Pool, named', new (loadOwnPg().Pool)({ connectionString: url }), true)
}

/** `undefined` where `pg-native`, which must be compiled, is not installed beside pg. */
export function pgNative(url: string): Reader | undefined {
  try {
    const native = loadOwnPg().native
    return native === null ? undefined : poolReader('pg-native', new native.Pool({ connectionString: url }), false)
  } catch {
    return undefined
  }
}

/** One connection on which nothing waits for an answer before it is sent. */
export async function pgPipelined(url: string): Promise<Reader> {
  const { Client } = loadOwnPg()
  const config: pg.ClientConfig & { readonly pipeline: boolean } = { connectionString: url, pipeline: true }
  const client = new Client(config)
  client.on('error', () => undefined)
  await client.connect()
  const query = asked((statement) => client.query(statement), true)
  return textReader('pg.Client, pipelined and named', query, { connections: () => 1, end: () => client.end() })
}

function poolReader(name: string, pool: pg.Pool, named: boolean): Reader {
  pool.on('error', () => undefined)
  const query = asked((config) => pool.query(config), named)
  return textReader(name, query, { connections: () => pool.totalCount, end: () => pool.end() })
}

function asked(query: QueryOf, named: boolean): NonNullable<Reader['query']> {
  const names = new Map<string, string>()
  const nameOf = (text: string): string => {
    let name = names.get(text)
    if (name === undefined) names.set(text, (name = `statement ${names.size}`))
    return name
  }
  return async (text, values) => {
    const config = { text, values: [...values] }
    return (await query(named ? { ...config, name: nameOf(text) } : config)).rows
  }
}
