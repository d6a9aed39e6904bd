/** What has become of a request that is replayed at its first write. */
export type WriteFate = 'undecided' | 'here' | 'replayed'

/**
 * What an attempt to write makes of its request. The first one decides for all: what was written here would be written twice by a replay,
 * and once it is replayed nothing more is written here. What looks like a read where it could write may have written.
 */
export function fateAfter(before: WriteFate, writes: boolean, mayReplay: boolean): WriteFate {
  if (before !== 'undecided') return before
  return writes && mayReplay ? 'replayed' : 'here'
}
