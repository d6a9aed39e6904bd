import 'reflect-metadata'
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { session } from 'pg-nearest/express'
import { readNote, writeNote } from './notes.js'

export const nest = {
  name: 'NestJS',
  package: '@nestjs/core',
  door: 'pg-nearest/express',
  give: (app, pool) => app.use(session(pool)),
  async start(pool) {
    const app = await NestFactory.create(moduleOf(pool), { logger: false, forceCloseConnections: true })
    nest.give(app, pool)
    await app.listen(0, '127.0.0.1')
    return { url: await app.getUrl(), close: () => app.close() }
  },
}

/** With its decorators as what they are, functions: this is JavaScript. */
function moduleOf(pool) {
  class Notes {
    read(id) {
      return readNote(pool, id)
    }
    write(note) {
      return writeNote(pool, note)
    }
  }
  const decorate = (method, decorator, argument) => {
    decorator(Notes.prototype, method, Object.getOwnPropertyDescriptor(Notes.prototype, method))
    argument(Notes.prototype, method, 0)
  }
  decorate('read', Get(':id'), Param('id'))
  decorate('write', Post(), Body())
  Controller('notes')(Notes)
  class App {}
  Module({ controllers: [Notes] })(App)
  return App
}
