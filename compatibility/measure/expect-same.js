export function expectSame(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what} was ${actual}, not ${expected}`)
}
