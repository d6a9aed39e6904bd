/**
 * The regions with a read replica. Add one here, and the app reads from it: there is no other place to change. `REPLICA_REGIONS`, as
 * in fly.toml, goes before it, so that `npx pg-nearest` on a machine knows them, too. (Where a
 * replica's address cannot be told from `DATABASE_URL`, set `DATABASE_URL_<REGION>` beside it.)
 */
export const regions: readonly string[] = ['ord', 'syd', 'atl', 'ams']
