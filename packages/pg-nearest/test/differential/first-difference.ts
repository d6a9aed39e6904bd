import { isDeepStrictEqual } from 'node:util'

/** Where two values that are not the same differ first, such as `result.rows.0`. */
export function firstDifference(a: unknown, b: unknown): { path: string; a: unknown; b: unknown } {
  const path: string[] = []
  let [left, right] = [a, b]
  for (;;) {
    const [from, to] = [left, right]
    if (typeof from !== 'object' || typeof to !== 'object' || from === null || to === null) break
    const names = new Set([...Object.keys(from), ...Object.keys(to)])
    const name = [...names].find((each) => !isDeepStrictEqual(at(from, each), at(to, each)))
    if (name === undefined) break
    path.push(name)
    left = at(from, name)
    right = at(to, name)
  }
  return { path: path.join('.'), a: left, b: right }
}

function at(value: object, name: string): unknown {
  return (value as Record<string, unknown>)[name]
}
