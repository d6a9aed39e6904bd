import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SiteConfig } from 'vitepress'
import { sidebar } from './sidebar.ts'

/** `llms.txt`, as llmstxt.org has it: every guide with its first sentence; each page as Markdown; and all of them in `llms-full.txt`. */
export async function writeLlms({ srcDir, outDir, rewrites, site }: SiteConfig): Promise<void> {
  const sections: string[] = []
  const texts: string[] = []
  for (const { text: heading, items = [] } of sidebar) {
    const lines: string[] = []
    for (const { text, link = '' } of items) {
      const page = `${link.slice(1)}.md`
      const source = rewrites.inv[page]
      if (source === undefined) continue
      const markdown = await readFile(join(srcDir, source), 'utf8')
      const target = join(outDir, page)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, markdown)
      lines.push(`- [${text}](/${page}): ${firstSentence(markdown)}`)
      texts.push(markdown)
    }
    sections.push(`## ${heading}\n\n${lines.join('\n')}`)
  }
  await writeFile(join(outDir, 'llms.txt'), `# ${site.title}\n\n> ${site.description}\n\n${sections.join('\n\n')}\n`)
  await writeFile(join(outDir, 'llms-full.txt'), texts.join('\n---\n\n'))
}

function firstSentence(markdown: string): string {
  const paragraph = markdown.split('\n\n').find((block) => /^[A-Z"]/.test(block)) ?? ''
  const [sentence = ''] = paragraph.replaceAll('\n', ' ').split(/(?<=[.:?]) /)
  return sentence
}
