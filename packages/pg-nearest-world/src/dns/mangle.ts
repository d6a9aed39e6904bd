/**
 * A message as a broken server or network would send it: some bytes changed, cut, doubled, or swapped. Its first two bytes, the id,
 * stay as they are, for a client does not look at other answers.
 *
 * @param random - between 0 and 1, as `Math.random`
 */
export function mangle(message: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(message)
  const below = (limit: number): number => Math.floor(random() * limit)
  const somewhere = (): number => 2 + below(bytes.length - 2)
  for (let changes = 1 + below(8); changes > 0; changes--) bytes[somewhere()] = below(256)
  const from = somewhere()
  const part = bytes.subarray(from, from + below(bytes.length - from))
  switch (below(4)) {
    case 0:
      return bytes.subarray(0, from)
    case 1:
      return Buffer.concat([bytes, part])
    case 2:
      return Buffer.concat([bytes.subarray(0, from), part, part, bytes.subarray(from)])
    default:
      return bytes
  }
}
