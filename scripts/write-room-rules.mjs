import { writeFile } from 'node:fs/promises'
import { roomRules } from './room-rules.mjs'

await writeFile(new URL('../.oxlintrc.rooms.json', import.meta.url), await roomRules())
