import type { Narrowing } from '../route/in-mode.ts'

/** A handle as the caller writes it. */
export function handleName({ target, readOnly }: Pick<Narrowing, 'target' | 'readOnly'>): string {
  if (!readOnly) return 'a read-only transaction'
  switch (target.kind) {
    case 'replica':
      return target.region === undefined ? 'pool.replica()' : `pool.replica('${target.region}')`
    case 'labelled':
      return `pool.replica({ label: '${target.label}' })`
    case 'server':
      return 'pool.queryEach()'
    case 'nearest':
    case 'primary':
    case 'mode':
      return 'a read-only handle'
  }
}
