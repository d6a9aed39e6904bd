import pg from 'pg'
import { median } from './measure.ts'

/** Milliseconds that one statement takes to this server and back: the median of 15. */
export async function measureLink(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const samples: number[] = []
  for (let i = 0; i < 15; i++) {
    const begin = performance.now()
    await client.query('select 1')
    samples.push(performance.now() - begin)
  }
  await client.end()
  return median(samples)
}
