import { format } from 'prettier'
import { houses } from './rooms.mjs'

const IMPURE_GLOBALS = [
  'Date',
  'performance',
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'crypto',
  'globalThis',
]

/** The linter's rules for all rooms, as the text of `.oxlintrc.rooms.json`. */
export function roomRules() {
  return format(JSON.stringify({ overrides: houses.flatMap(rulesOf) }), { parser: 'json', printWidth: 120 })
}

function rulesOf(house) {
  const { src, mayImport, pure, impureFiles = [], foundations = [], doors = [] } = house
  const rooms = Object.keys(mayImport)
  const overrides = rooms.map((room) => ({
    files: [`${src}/${room}/**`],
    rules: pure.includes(room) ? purity([direction(house, room)]) : imports([direction(house, room)]),
  }))
  for (const file of impureFiles) {
    const [room] = file.split('/')
    const rules = {
      ...imports([direction(house, room)]),
      'no-restricted-globals': 'off',
      'no-restricted-properties': 'off',
    }
    overrides.push({ files: [`${src}/${file}`], rules })
  }
  if (foundations.length > 0)
    overrides.push({
      files: foundations.map((file) => `${src}/${file}`),
      rules: imports([{ group: rooms.map(folder), message: 'It is below everything and imports no room.' }]),
    })
  if (doors.length > 0)
    overrides.push({
      files: [`${src}/*.ts`],
      rules: imports([
        { group: doors.map(folder), message: `${doors.join(', ')}: a door. Nothing behind it imports it.` },
      ]),
    })
  return overrides
}

function direction({ mayImport, order, hint }, room) {
  const allowed = mayImport[room]
  const others = Object.keys(mayImport).filter((other) => other !== room && !allowed.includes(other))
  const may = allowed.length > 0 ? allowed.join(', ') : 'no other room'
  return { group: others.map(folder), message: `${room}/ may import ${may}. One direction: ${order}. ${hint}` }
}

function purity(patterns) {
  const because = 'This room is pure: pass the time, or whatever it is, as an argument.'
  const io = {
    group: ['node:*', 'pg', 'pg-*', '**/sleep-aware-clock.ts'],
    message: 'This room is pure: no I/O. Let the room that calls it do that, and pass the outcome as an argument.',
    allowTypeImports: true,
  }
  return {
    ...imports([...patterns, io]),
    'no-restricted-globals': ['error', ...IMPURE_GLOBALS.map((name) => ({ name, message: because }))],
    'no-restricted-properties': [
      'error',
      {
        object: 'Math',
        property: 'random',
        message: 'This room is pure: pass the chance as an argument (random: () => number).',
      },
    ],
  }
}

function imports(patterns) {
  return { 'no-restricted-imports': ['error', { patterns }] }
}

function folder(room) {
  return `**/${room}/**`
}
