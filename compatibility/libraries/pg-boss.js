import PgBoss from 'pg-boss'

const QUEUE = 'notes'
const idOf = (id) => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`

export const pgBoss = {
  name: 'pg-boss',
  package: 'pg-boss',
  tables: "schemaname = 'pgboss' and relname ~ '^j[0-9a-f]{8}'",
  give: (pool) =>
    new PgBoss({
      db: { executeSql: (text, values) => pool.query(text, values) },
      supervise: false,
      schedule: false,
    }),
  operations: async (boss, pool) => {
    await pool.withConsistency('strong', () => boss.start())
    await boss.createQueue(QUEUE)
    return {
      read: async (id) => (await boss.getJobById(QUEUE, idOf(id)))?.data.text,
      write: (id, text) => boss.send(QUEUE, { text }, { id: idOf(id) }),
      lockedRead: async (id) => {
        const jobs = await boss.fetch(QUEUE, { batchSize: 1_000 })
        return jobs.find((job) => job.id === idOf(id))?.data.text
      },
      end: () => boss.stop({ graceful: false, wait: true }),
    }
  },
}
