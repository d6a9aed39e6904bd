import { withPgClientFromPgService } from '@dataplan/pg'
import { makePgService } from '@dataplan/pg/adaptors/pg'
import { grafast } from 'grafast'
import { defaultPreset as buildPreset, makeSchema } from 'graphile-build'
import { defaultPreset as buildPgPreset } from 'graphile-build-pg'
import { undone } from './undone.js'
import { provideWithResolvers } from './with-resolvers.js'

provideWithResolvers()

const READ = 'query ($id: Int!) { noteByRowId(rowId: $id) { text } }'
const WRITE =
  'mutation ($id: Int!, $text: String!) { createNote(input: { note: { rowId: $id, text: $text } }) { clientMutationId } }'

export const postgraphile = {
  name: 'PostGraphile (graphile-build-pg)',
  package: 'graphile-build-pg',
  give: (pool) => makeSchema({ extends: [buildPreset, buildPgPreset], pgServices: [makePgService({ pool })] }),
  operations: async ({ schema, resolvedPreset }) => {
    const run = async (source, variableValues) => {
      const { data, errors } = await grafast({ schema, resolvedPreset, source, variableValues, requestContext: {} })
      if (errors !== undefined) throw errors[0]
      return data
    }
    const [service] = resolvedPreset.pgServices
    const transaction = (work) => withPgClientFromPgService(service, null, (client) => client.withTransaction(work))
    const textOf = async (client, id, lock = '') => {
      const { rows } = await client.query({ text: `select text from notes where id = $1 ${lock}`, values: [id] })
      return rows[0]?.text
    }
    return {
      read: async (id) => (await run(READ, { id })).noteByRowId?.text,
      write: (id, text) => run(WRITE, { id, text }),
      rolledBack: (id, text) =>
        undone(transaction, async (tx) => {
          await tx.query({ text: 'insert into notes (id, text) values ($1, $2)', values: [id, text] })
          return textOf(tx, id)
        }),
      lockedRead: (id, whileLocked) =>
        transaction(async (tx) => {
          const text = await textOf(tx, id, 'for update')
          await whileLocked()
          return text
        }),
      end: () => service.release(),
    }
  },
}
