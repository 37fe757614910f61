import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Documents whose commands a reader will type. */
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'client/README.md',
  'client/examples/README.md',
  'protocol/README.md',
]

/**
 * Every command of these documents once: the lines of `sh` blocks, and what stands in the text or a comment as
 * `npm …`, `npx …` or `node …`. Joined by &&, they count one by one.
 */
export async function documentedCommands(root: string): Promise<readonly string[]> {
  const texts = await Promise.all(documents.map((path) => readFile(join(root, path), 'utf8')))
  return [...new Set(texts.flatMap(commandsIn))].sort()
}

export function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, lines = '']) =>
    lines.split('\n'),
  )
  const prose = text.replace(/^```(?!sh$)\w+\n[\s\S]*?^```/gm, '')
  const spans = [...prose.matchAll(/`((?:npm|npx|node) [^`]+)`/g)].map(([, span = '']) => span)
  return [...blocks, ...spans]
    .map((line) => line.replace(/(^|\s)#.*$/, ''))
    .flatMap((line) => line.split('&&'))
    .map((command) => command.trim())
    .filter((command) => command !== '')
}
