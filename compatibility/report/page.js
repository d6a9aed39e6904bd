import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { frameworksTable, givingOf, librariesTable } from './tables.js'

const PAGE = fileURLToPath(new URL('../../packages/pg-nearest/docs/libraries.md', import.meta.url))

export async function writePage(measured) {
  await writeFile(PAGE, await withMeasured(await readFile(PAGE, 'utf8'), measured))
}

/** Whether the page says what was measured. */
export async function comparePage(measured) {
  const page = await readFile(PAGE, 'utf8')
  const expected = await withMeasured(page, measured)
  if (page === expected) {
    console.log(
      `  ${measured.libraries.length} libraries and ${measured.frameworks.length} frameworks, as the page says`,
    )
    return true
  }
  const [has, wants] = [page, expected].map((text) => text.split('\n'))
  for (const line of wants.filter((each) => !has.includes(each))) console.error(`  measured: ${line}`)
  for (const line of has.filter((each) => !wants.includes(each))) console.error(`  the page: ${line}`)
  console.error('  The page does not say what was measured. If it is meant: npm run compatibility -- --write')
  return false
}

async function withMeasured(page, { libraries, frameworks }) {
  const parts = {
    libraries: await librariesTable(libraries),
    'giving-libraries': givingOf(libraries),
    frameworks: await frameworksTable(frameworks),
    'giving-frameworks': givingOf(frameworks),
  }
  let text = page
  for (const [name, part] of Object.entries(parts)) {
    const [begin, end] = [`<!-- measured: ${name} -->`, `<!-- end: ${name} -->`]
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
    if (from < begin.length || to < from) throw new Error(`The page lacks ${begin} and ${end}.`)
    text = `${text.slice(0, from)}\n\n${part}\n\n${text.slice(to)}`
  }
  return format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' })
}
