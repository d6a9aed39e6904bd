import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pgConnection } from './pg-connection.ts'
import { MessageWriter, type ParameterValue } from '../../src/lane-codec/message-writer.ts'
import { readCommandTag, readDataRow, type RowTexts } from '../../src/lane-codec/decode-data-row.ts'
import { bodyOf, commandComplete, dataRow } from './wire-messages.ts'

const texts = fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replaceAll('\0', ''))
const values = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 5_000 }),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(null),
  ),
)

test('writes what pg writes', () => {
  fc.assert(
    fc.property(texts, texts, (name, text) => {
      const writer = new MessageWriter()
      writer.closeStatement(Buffer.from(`${name}\0`))
      writer.parse(Buffer.from(`${name}\0`), text)
      writer.describePortal()
      writer.execute()
      writer.sync()
      const { connection, written } = pgConnection()
      connection.close({ type: 'S', name })
      connection.parse({ name, text })
      connection.describe({ type: 'P', name: '' })
      connection.execute({ portal: '', rows: 0 })
      connection.sync()
      expect(writer.take()).toEqual(Buffer.concat(written))
      expect(writer.take()).toHaveLength(0)
    }),
  )
})

test('binds values of any length and kind', () => {
  fc.assert(
    fc.property(texts, values, (name, given) => {
      const writer = new MessageWriter()
      writer.bind(Buffer.from(`${name}\0`), given)
      expect(readBind(writer.take())).toEqual({ portal: '', name, values: given })
    }),
  )
})

test('reads the rows and tags that a server writes', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), texts, (row, tag) => {
      const message = dataRow(row)
      expect(readDataRow(message, 5, message.length, row.length)).toEqual(row)
      const complete = commandComplete(tag)
      expect(readCommandTag(complete, 5, complete.length)).toBe(tag)
    }),
  )
})

test('refuses rows that are not what they say', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string())), fc.uint8Array({ maxLength: 20 }), (row, noise) => {
      const message = Buffer.from(dataRow(row))
      const body = bodyOf(message)
      noise.forEach((byte, i) => (body[(i * 7) % body.length] = byte))
      let read: RowTexts
      try {
        read = readDataRow(message, 5, message.length, row.length)
      } catch {
        return
      }
      // What it accepts is what it was given, byte by byte: unless a text is no UTF-8, which no reader would know.
      if (!read.some((text) => text?.includes('\ufffd') === true)) expect(dataRow(read)).toEqual(message)
    }),
  )
})

function readBind(message: Buffer): { portal: string; name: string; values: ParameterValue[] } {
  let at = 5
  const text = (): string => {
    const end = message.indexOf(0, at)
    const read = message.toString('utf8', at, end)
    at = end + 1
    return read
  }
  const count = (): number => message.readUInt16BE((at += 2) - 2)
  const list = <T>(item: (i: number) => T): T[] => Array.from({ length: count() }, (_, i) => item(i))
  expect(message.readInt32BE(1)).toBe(message.length - 1)
  const [portal, name] = [text(), text()]
  const formats = list(count)
  const bound = list((i) => {
    const length = message.readInt32BE((at += 4) - 4)
    if (length < 0) return null
    const bytes = message.subarray(at, (at += length))
    return formats[i] === 1 ? Buffer.from(bytes) : bytes.toString()
  })
  expect(list(count)).toEqual([])
  expect(at).toBe(message.length)
  return { portal, name, values: bound }
}
