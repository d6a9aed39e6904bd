/** A position in the WAL as a number of bytes: `16/B374D848` is two halves of 32 bits, in hexadecimal. */
export function bytesOfLsn(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}
