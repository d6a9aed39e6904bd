import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** One instruction, its continuation lines joined. */
export interface Step {
  readonly instruction: string
  readonly text: string
}

/** From one FROM to the next. */
export interface Stage {
  readonly name: string | undefined
  /** An image, or a stage before. */
  readonly from: string
  readonly steps: readonly Step[]
}

/** The subset of Dockerfiles that this one needs. */
export function stagesIn(dockerfile: string): readonly Stage[] {
  const lines = dockerfile
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const stages: { name: string | undefined; from: string; steps: Step[] }[] = []
  for (const line of lines) {
    const [, instruction = '', text = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? []
    if (instruction === '') throw new Error(`This line is no instruction: ${line}`)
    if (instruction === 'FROM') {
      const [from = '', as, name] = text.split(/ +/)
      stages.push({ from, name: as === 'AS' ? name : undefined, steps: [] })
    } else stages.at(-1)?.steps.push({ instruction, text })
  }
  return stages
}

export interface Copy {
  /** A stage; `undefined`: the folder that is built from. */
  readonly from: string | undefined
  readonly sources: readonly string[]
  readonly target: string
}

export function copyOf({ text }: Step): Copy {
  const words = text.split(/ +/)
  const [, from] = /^--from=(.+)$/.exec(words[0] ?? '') ?? []
  return { from, sources: words.slice(from === undefined ? 0 : 1, -1), target: words.at(-1) ?? '' }
}

/** Whether the image is built without it. The last pattern that fits counts; a folder is looked into for what one takes back. */
export function isIgnored(path: string, patterns: string): boolean {
  if (patterns.split('\n').some((line) => line.startsWith(`!${path}/`))) return false
  const parts = path.split('/')
  const above = parts.map((_part, i) => parts.slice(0, i + 1).join('/'))
  let ignored = false
  for (const line of patterns.split('\n').filter((each) => each !== '')) {
    const pattern = line.replace(/^!/, '')
    const fits = new RegExp(
      `^${pattern
        .replaceAll('.', String.raw`\.`)
        .replaceAll('**/', '(.+/)?')
        .replaceAll(/(?<!\))\*/g, '[^/]*')}$`,
    )
    if (above.some((each) => fits.test(each))) ignored = !line.startsWith('!')
  }
  return ignored
}

/** The paths in a folder that a COPY's source names: itself, or by its `*` those in the folder's top. */
export function matchesOf(folder: string, source: string): readonly string[] {
  if (!source.includes('*')) return existsSync(join(folder, source)) ? [source] : []
  const [before = '', after = ''] = source.split('*')
  return readdirSync(folder).filter((name) => name.startsWith(before) && name.endsWith(after))
}
