import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { text as textFrom } from 'node:stream/consumers'
import { from, to } from 'pg-copy-streams'
import { onClient } from './pg.js'

async function readBy(client, id) {
  const copied = await textFrom(client.query(to(`copy (select text from notes where id = ${id}) to stdout`)))
  return copied === '' ? undefined : copied.trim()
}

const writeBy = (client, id, text) =>
  pipeline(Readable.from([`${id}\t${text}\n`]), client.query(from('copy notes (id, text) from stdin')))

export const pgCopyStreams = {
  name: 'pg-copy-streams',
  package: 'pg-copy-streams',
  give: (pool) => pool,
  operations: (pool) => ({
    read: (id) => onClient(pool, (client) => readBy(client, id)),
    write: (id, text) => onClient(pool, (client) => writeBy(client, id, text)),
    rolledBack: (id, text) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        await writeBy(client, id, text)
        const seen = await readBy(client, id)
        await client.query('rollback')
        return seen
      }),
    cancels: '`destroy()`',
    stop: () =>
      onClient(pool, async (client) => {
        const stream = client.query(to('copy (select generate_series(1, 1000000000)) to stdout'))
        await once(stream, 'data')
        stream.destroy()
        await once(stream, 'close')
      }),
  }),
}
