import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'

/** Whether every link within the built site leads to a page, and its anchor to a heading. Nothing outside is asked. */
export async function checkLinks(folder) {
  const files = (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/'))
  const there = new Set(files.map((name) => `/${name}`))
  const pages = new Map()
  for (const name of files.filter((each) => each.endsWith('.html'))) {
    const html = await readFile(join(folder, name), 'utf8')
    pages.set(`/${name}`, {
      hrefs: all(html, /<(?:a|img|link)\b[^>]*?\s(?:href|src)="([^"]+)"/g),
      ids: new Set(all(html, /\sid="([^"]+)"/g)),
    })
  }
  const fileOf = (path) => [path, `${path}.html`, posix.join(path, 'index.html')].find((name) => there.has(name))
  let links = 0
  const dead = []
  for (const [page, { hrefs }] of pages) {
    for (const href of hrefs) {
      if (/^(?:[a-z]+:|\/\/)/.test(href)) continue
      links++
      const [path, anchor] = href.replaceAll('&amp;', '&').split('#')
      const target = path === '' ? page : fileOf(decodeURI(posix.resolve(posix.dirname(page), path)))
      if (target === undefined) dead.push(`${page}: ${href} leads nowhere`)
      else if (anchor && pages.has(target) && !pages.get(target).ids.has(decodeURIComponent(anchor)))
        dead.push(`${page}: ${href} leads to no heading`)
    }
  }
  return { pages: pages.size, links, dead: [...new Set(dead)] }
}

function all(text, pattern) {
  return [...text.matchAll(pattern)].map(([, found]) => found)
}
