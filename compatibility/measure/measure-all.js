import { styleText } from 'node:util'
import { startWorld } from 'pg-nearest-world'
import { frameworks } from '../frameworks/index.js'
import { libraries } from '../libraries/index.js'
import { measureFramework } from './measure-framework.js'
import { measureLibrary } from './measure-library.js'
import { ask, caughtUp, HERE } from './servers.js'

/** One after the other, in one world. */
export async function measureAll(only) {
  const chosen = (all) => all.filter((each) => only === undefined || only.includes(each.package))
  const world = await startWorld({ primary: 'nrt', replicas: [HERE], rtt: 20 })
  try {
    await ask(world.url(world.primary), 'create table notes (id int primary key, text text not null)')
    await caughtUp(world)
    return {
      libraries: await eachOf(chosen(libraries), (library) => measureLibrary(world, library)),
      frameworks: await eachOf(chosen(frameworks), (framework) => measureFramework(world, framework)),
    }
  } finally {
    await world.stop()
  }
}

async function eachOf(subjects, measure) {
  const rows = []
  for (const subject of subjects) {
    const facts = await measure(subject)
    rows.push({ subject, facts })
    print(subject.name, facts)
  }
  return rows
}

function print(name, facts) {
  const words = Object.entries(facts).map(([fact, { answer, detail }]) => {
    const text = `${fact} ${detail ?? answer}`
    return answer === 'no' ? styleText('red', text) : text
  })
  console.log(`  ${name.padEnd(22)} ${words.join(', ')}`)
  for (const { why } of Object.values(facts)) if (why !== undefined) console.log(why)
}
