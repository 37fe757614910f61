import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Identifier } from '@halfsecond/protocol'

/*
 * The first run's page: a web shop and a call centre that show one customer. It speaks the public
 * API as any channel may. Its parts lie in `page/`, and become one file that loads nothing.
 */

const folder = join(import.meta.dirname, 'page')

/** Modules, each after those that it imports. */
const modules = ['elements.js', 'door.js', 'person.js', 'shop.js', 'screens.js', 'main.js']

/** The page, self-contained. Writes nothing until somebody clicks in it. */
export function demoPage(): string {
  const script = modules.map((file) => inlined(read(file))).join('\n')
  return read('page.html')
    .replace('/* style */', () => read('page.css'))
    .replace('/* script */', () => script)
}

/** Whether the page made this visitor up, so that anybody may read why they see what they see. */
export function isDemoVisitor(identifier: Identifier): boolean {
  return /^(anon|user):demo-/.test(identifier)
}

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

/** A module's text as a part of one larger module: the names that it shares are there already. */
function inlined(text: string): string {
  return text
    .replaceAll(/^import [^']*'\.\/[^']*'\n/gm, '')
    .replaceAll(/^export (?=async function|function|class|const)/gm, '')
}
