/**
 * One animated picture of still ones, without a library: a WebP animation is its frames, each with a place and a time, in a RIFF container.
 * https://developers.google.com/speed/webp/docs/riff_container
 *
 * @param frames - `{ webp: Buffer, ms: number }`, each a lossy still picture of the same size
 */
export function animatedWebp(frames, { width, height }) {
  const header = Buffer.alloc(10)
  header.writeUInt8(ANIMATION, 0)
  header.writeUIntLE(width - 1, 4, 3)
  header.writeUIntLE(height - 1, 7, 3)
  // No background, and again without end.
  const animation = Buffer.alloc(6)
  const body = Buffer.concat([
    Buffer.from('WEBP'),
    chunk('VP8X', header),
    chunk('ANIM', animation),
    ...frames.map(({ webp, ms }) => chunk('ANMF', Buffer.concat([frameHeader(width, height, ms), pictureOf(webp)]))),
  ])
  return chunk('RIFF', body)
}

const ANIMATION = 0x02
/** Each frame covers all of the one before. */
const NO_BLENDING = 0x02

function frameHeader(width, height, ms) {
  const header = Buffer.alloc(16)
  header.writeUIntLE(width - 1, 6, 3)
  header.writeUIntLE(height - 1, 9, 3)
  header.writeUIntLE(ms, 12, 3)
  header.writeUInt8(NO_BLENDING, 15)
  return header
}

/** The chunk with the picture itself, header included. */
function pictureOf(webp) {
  for (let at = 12; at + 8 <= webp.length;) {
    const size = webp.readUInt32LE(at + 4)
    const end = at + 8 + size + (size % 2)
    if (webp.toString('latin1', at, at + 4) === 'VP8 ') return webp.subarray(at, end)
    at = end
  }
  throw new Error('This is no lossy WebP.')
}

function chunk(name, content) {
  const head = Buffer.alloc(8)
  head.write(name, 0, 'latin1')
  head.writeUInt32LE(content.length, 4)
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)])
}
