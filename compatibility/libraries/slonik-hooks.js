const ITS_PG = new URL('slonik-pg.js', import.meta.url).href

/** What Slonik imports as `pg` is what its pool is made of here. */
export function resolve(specifier, context, next) {
  const isSlonik = specifier === 'pg' && context.parentURL?.includes('/@slonik/pg-driver/')
  return next(isSlonik ? ITS_PG : specifier, context)
}
