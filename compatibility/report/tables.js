import { readFile } from 'node:fs/promises'
import { FACTS } from '../measure/measure-library.js'

export async function librariesTable(rows) {
  const lines = [
    ['library', 'given', 'reads on the replica', 'own writes', 'roll-back', '`FOR UPDATE`', 'its own cancellation'],
  ]
  for (const { subject, facts } of rows) {
    const given = subject.door === undefined ? 'the pool' : '[pg-module](pg-module.md)'
    lines.push([await nameOf(subject), given, ...FACTS.map((fact) => cell(facts[fact]))])
  }
  return tableOf(lines)
}

export async function frameworksTable(rows) {
  const lines = [['framework', 'door', 'own writes, in the next request']]
  for (const { subject, facts } of rows) {
    lines.push([await nameOf(subject), `\`${subject.door}\``, cell(facts.ownWrites)])
  }
  return tableOf(lines)
}

/** The lines that give it the pool, as they were run; nothing for what takes it as it is. */
export function givingOf(rows) {
  const blocks = rows.flatMap(({ subject }) => {
    const lines = linesOf(subject.give)
    return lines === 'pool' ? [] : [`// ${subject.name}\n${lines}`]
  })
  return `\`\`\`js\n${blocks.join('\n\n')}\n\`\`\``
}

function linesOf(give) {
  const source = give.toString()
  const body = source.slice(source.indexOf('=>') + 2).trim()
  if (!body.startsWith('{')) return body
  const lines = body
    .slice(1, -1)
    .split('\n')
    .filter((line) => line.trim() !== '')
  const indent = Math.min(...lines.map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(indent)).join('\n')
}

async function nameOf({ name, package: packageName }) {
  const file = new URL(`../node_modules/${packageName}/package.json`, import.meta.url)
  const { version } = JSON.parse(await readFile(file, 'utf8'))
  return `${name} ${version}`
}

function cell({ answer, detail }) {
  return answer === 'none' ? '–' : (detail ?? answer)
}

function tableOf([head, ...rows]) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
