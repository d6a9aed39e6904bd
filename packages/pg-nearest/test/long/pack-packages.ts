import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const PACKAGES = ['pg-nearest', 'pg-nearest-page', 'pg-nearest-world'] as const

/**
 * Packs packages of this repository into `folder`, as npm would publish them; in a copy, because packing changes `dist`, which others use.
 * Returns the tarballs, as `npm install` takes them in there.
 */
export async function packPackages(names: readonly (typeof PACKAGES)[number][], folder: string): Promise<string[]> {
  const copy = await mkdtemp(join(tmpdir(), 'pg-nearest-pack-'))
  try {
    const filter = (path: string): boolean => !path.includes('/node_modules/')
    for (const path of ['scripts', 'tsconfig.base.json', ...PACKAGES.map(inPackages)])
      // oxlint-disable-next-line no-await-in-loop -- a disk is not faster for two
      await cp(join(root, path), join(copy, path), { recursive: true, filter })
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
    return await Promise.all(names.map((name) => pack(join(copy, inPackages(name)), folder)))
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function pack(cwd: string, folder: string): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--silent', '--pack-destination', folder], { cwd })
  return `./${stdout.trim()}`
}

function inPackages(name: string): string {
  return join('packages', name)
}
