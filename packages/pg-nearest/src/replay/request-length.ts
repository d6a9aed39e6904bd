/** Bytes of a request's body; `undefined` if it has one and does not say how long it is. */
export function requestLength(header: (name: string) => string | undefined): number | undefined {
  if (header('transfer-encoding') !== undefined) return undefined
  const length = header('content-length')
  if (length === undefined) return 0
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}
