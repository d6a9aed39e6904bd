import { randomInt } from 'node:crypto'

/** Addresses of 127.0.0.0/8 that this machine alone can reach, each another one; they begin at random, so that worlds do not share any. */
export function loopbackAddresses(): () => string {
  const second = randomInt(1, 255)
  let next = randomInt(0, 200) * 256
  return () => {
    next = (next + 1) % 65_536
    // Neither 0 nor 255 stands at the end.
    if (next % 256 === 0 || next % 256 === 255) next += 2
    return `127.${second}.${Math.floor(next / 256) % 256}.${next % 256}`
  }
}
