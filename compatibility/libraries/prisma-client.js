var __defProp = Object.defineProperty
var __export = (target, all) => {
  for (var name in all) __defProp(target, name, { get: all[name], enumerable: true })
}

// generated/client.ts
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

// generated/internal/class.ts
import * as runtime from '@prisma/client/runtime/client'
var config = {
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: '0edf323efd1d98336f3f0a68684b56f689b900d3',
  activeProvider: 'postgresql',
  inlineSchema:
    'generator client {\n  provider = "prisma-client"\n  output   = "generated"\n}\n\ndatasource db {\n  provider = "postgresql"\n}\n\nmodel Note {\n  id   Int    @id\n  text String\n\n  @@map("notes")\n}\n',
  runtimeDataModel: {
    models: {},
    enums: {},
    types: {},
  },
  parameterizationSchema: {
    strings: [],
    graph: '',
  },
}
config.runtimeDataModel = JSON.parse(
  '{"models":{"Note":{"fields":[{"name":"id","kind":"scalar","type":"Int"},{"name":"text","kind":"scalar","type":"String"}],"dbName":"notes","schema":null}},"enums":{},"types":{}}',
)
config.parameterizationSchema = {
  strings: JSON.parse(
    '["where","Note.findUnique","Note.findUniqueOrThrow","orderBy","cursor","Note.findFirst","Note.findFirstOrThrow","Note.findMany","data","Note.createOne","Note.createMany","Note.createManyAndReturn","Note.updateOne","Note.updateMany","Note.updateManyAndReturn","create","update","Note.upsertOne","Note.deleteOne","Note.deleteMany","having","_count","_avg","_sum","_min","_max","Note.groupBy","Note.aggregate","AND","OR","NOT","id","text","equals","in","notIn","lt","lte","gt","gte","contains","startsWith","endsWith","not","set","increment","decrement","multiply","divide"]',
  ),
  graph:
    'KwsQBRwAACIAMB0AAAQAEB4AACIAMB8CAAAAASABACQAIQEAAAABACABAAAAAQAgBRwAACIAMB0AAAQAEB4AACIAMB8CACMAISABACQAIQADAAAABAAgAwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACACHwIAAAABIAEAAAABAQgAAAkAIAIfAgAAAAEgAQAAAAEBCAAACwAwAQgAAAsAMAIfAgAqACEgAQArACECAAAAAQAgCAAADgAgAh8CACoAISABACsAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAAAAEAIA8AAAkAIBAAAA4AIAEAAAABACABAAAABAAgBRUAACUAIBYAACYAIBcAACkAIBgAACgAIBkAACcAIAUcAAAaADAdAAAXABAeAAAaADAfAgAbACEgAQAcACEDAAAABAAgAwAAFgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAUcAAAaADAdAAAXABAeAAAaADAfAgAbACEgAQAcACENFQAAHgAgFgAAIQAgFwAAHgAgGAAAHgAgGQAAHgAgIQIAAAABIgIAAAAEIwIAAAAEJAIAAAABJQIAAAABJgIAAAABJwIAAAABKwIAIAAhDhUAAB4AIBgAAB8AIBkAAB8AICEBAAAAASIBAAAABCMBAAAABCQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAB0AIQ4VAAAeACAYAAAfACAZAAAfACAhAQAAAAEiAQAAAAQjAQAAAAQkAQAAAAElAQAAAAEmAQAAAAEnAQAAAAEoAQAAAAEpAQAAAAEqAQAAAAErAQAdACEIIQIAAAABIgIAAAAEIwIAAAAEJAIAAAABJQIAAAABJgIAAAABJwIAAAABKwIAHgAhCyEBAAAAASIBAAAABCMBAAAABCQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAB8AIQ0VAAAeACAWAAAhACAXAAAeACAYAAAeACAZAAAeACAhAgAAAAEiAgAAAAQjAgAAAAQkAgAAAAElAgAAAAEmAgAAAAEnAgAAAAErAgAgACEIIQgAAAABIggAAAAEIwgAAAAEJAgAAAABJQgAAAABJggAAAABJwgAAAABKwgAIQAhBRwAACIAMB0AAAQAEB4AACIAMB8CACMAISABACQAIQghAgAAAAEiAgAAAAQjAgAAAAQkAgAAAAElAgAAAAEmAgAAAAEnAgAAAAErAgAeACELIQEAAAABIgEAAAAEIwEAAAAEJAEAAAABJQEAAAABJgEAAAABJwEAAAABKAEAAAABKQEAAAABKgEAAAABKwEAHwAhAAAAAAAFLAIAAAABLQIAAAABLgIAAAABLwIAAAABMAIAAAABASwBAAAAAQAAAAAFFQAGFgAHFwAIGAAJGQAKAAAAAAAFFQAGFgAHFwAIGAAJGQAKAQIBAgMBBQYBBgcBBwgBCQoBCgwCCw0DDA8BDRECDhIEERMBEhQBExUCGhgFGxkL',
}
async function decodeBase64AsWasm(wasmBase64) {
  const { Buffer: Buffer2 } = await import('node:buffer')
  const wasmArray = Buffer2.from(wasmBase64, 'base64')
  return new WebAssembly.Module(wasmArray)
}
config.compilerWasm = {
  getRuntime: async () => await import('@prisma/client/runtime/query_compiler_fast_bg.postgresql.mjs'),
  getQueryCompilerWasmModule: async () => {
    const { wasm } = await import('@prisma/client/runtime/query_compiler_fast_bg.postgresql.wasm-base64.mjs')
    return await decodeBase64AsWasm(wasm)
  },
  importName: './query_compiler_fast_bg.js',
}
function getPrismaClientClass() {
  return runtime.getPrismaClient(config)
}

// generated/internal/prismaNamespace.ts
var prismaNamespace_exports = {}
__export(prismaNamespace_exports, {
  AnyNull: () => AnyNull2,
  DbNull: () => DbNull2,
  Decimal: () => Decimal2,
  JsonNull: () => JsonNull2,
  ModelName: () => ModelName,
  NoteScalarFieldEnum: () => NoteScalarFieldEnum,
  NullTypes: () => NullTypes2,
  PrismaClientInitializationError: () => PrismaClientInitializationError2,
  PrismaClientKnownRequestError: () => PrismaClientKnownRequestError2,
  PrismaClientRustPanicError: () => PrismaClientRustPanicError2,
  PrismaClientUnknownRequestError: () => PrismaClientUnknownRequestError2,
  PrismaClientValidationError: () => PrismaClientValidationError2,
  QueryMode: () => QueryMode,
  SortOrder: () => SortOrder,
  Sql: () => Sql2,
  TransactionIsolationLevel: () => TransactionIsolationLevel,
  defineExtension: () => defineExtension,
  empty: () => empty2,
  getExtensionContext: () => getExtensionContext,
  join: () => join2,
  prismaVersion: () => prismaVersion,
  raw: () => raw2,
  sql: () => sql,
})
import * as runtime2 from '@prisma/client/runtime/client'
var PrismaClientKnownRequestError2 = runtime2.PrismaClientKnownRequestError
var PrismaClientUnknownRequestError2 = runtime2.PrismaClientUnknownRequestError
var PrismaClientRustPanicError2 = runtime2.PrismaClientRustPanicError
var PrismaClientInitializationError2 = runtime2.PrismaClientInitializationError
var PrismaClientValidationError2 = runtime2.PrismaClientValidationError
var sql = runtime2.sqltag
var empty2 = runtime2.empty
var join2 = runtime2.join
var raw2 = runtime2.raw
var Sql2 = runtime2.Sql
var Decimal2 = runtime2.Decimal
var getExtensionContext = runtime2.Extensions.getExtensionContext
var prismaVersion = {
  client: '7.10.0',
  engine: '0edf323efd1d98336f3f0a68684b56f689b900d3',
}
var NullTypes2 = {
  DbNull: runtime2.NullTypes.DbNull,
  JsonNull: runtime2.NullTypes.JsonNull,
  AnyNull: runtime2.NullTypes.AnyNull,
}
var DbNull2 = runtime2.DbNull
var JsonNull2 = runtime2.JsonNull
var AnyNull2 = runtime2.AnyNull
var ModelName = {
  Note: 'Note',
}
var TransactionIsolationLevel = runtime2.makeStrictEnum({
  ReadUncommitted: 'ReadUncommitted',
  ReadCommitted: 'ReadCommitted',
  RepeatableRead: 'RepeatableRead',
  Serializable: 'Serializable',
})
var NoteScalarFieldEnum = {
  id: 'id',
  text: 'text',
}
var SortOrder = {
  asc: 'asc',
  desc: 'desc',
}
var QueryMode = {
  default: 'default',
  insensitive: 'insensitive',
}
var defineExtension = runtime2.Extensions.defineExtension

// generated/enums.ts
var enums_exports = {}

// generated/client.ts
globalThis['__dirname'] = path.dirname(fileURLToPath(import.meta.url))
var PrismaClient = getPrismaClientClass()
export { enums_exports as $Enums, prismaNamespace_exports as Prisma, PrismaClient }
