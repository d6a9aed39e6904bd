import { cp, rm } from 'node:fs/promises'

const FROM = new URL('../packages/pg-nearest/', import.meta.url)
const TO = new URL('node_modules/pg-nearest/', import.meta.url)

/**
 * Puts the built library among what these programs depend on, as npm would: a link would find another copy of `pg` than the libraries, which
 * ask whether the pool is an instance of theirs.
 */
export async function placeLibrary() {
  await rm(TO, { recursive: true, force: true })
  for (const name of ['package.json', 'dist']) await cp(new URL(name, FROM), new URL(name, TO), { recursive: true })
}
