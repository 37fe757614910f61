import type { Command } from 'commander'
import { Frames, joinedIn } from '../../core/learning/joined.ts'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { count } from '../import/progress.ts'
import { type JoinedRequest, readFramed } from '../joined-decisions.ts'
import { copyPieces, printPieces } from '../saved-answer.ts'
import { sinceOf } from '../since.ts'
import type { Surroundings } from '../surroundings.ts'

interface ExportOptions {
  readonly since: string
  readonly placement?: string
  readonly timelines?: boolean
  readonly out?: string
  readonly adminUrl?: string
}

export function addDecisionsExport(decisions: Command, around: Surroundings): void {
  decisions
    .command('export')
    .description('write decisions with what became of them to a file, for backtest --decisions')
    .option('--since <age or time>', 'those of the last 7d, or since 2026-11-01T00:00:00Z', '7d')
    .option('--placement <name>', 'only those at this placement')
    .option('--timelines', 'also what was known of the visitors, for features that were not logged')
    .option('--out <file>', 'write to this file, which appears once it is complete')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async ({ since, placement, timelines, out, ...options }: ExportOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const until = Date.now()
      const { stopping: signal } = around
      const request = { since: sinceOf(since, until), until, placement, timelines, signal }
      let decisions = 0
      const pieces = piecesOf(admin, request, (so) => {
        decisions = so
      })
      if (out === undefined) await printPieces(pieces, around.output)
      else {
        await copyPieces(pieces, out)
        around.notes.write(`${count(decisions)} decisions\n`)
      }
    })
}

async function* piecesOf(
  admin: AdminClient,
  request: JoinedRequest,
  onCount: (decisions: number) => void,
): AsyncGenerator<Uint8Array> {
  let decisions = 0
  for await (const { bytes, count: some } of readFramed(admin, request)) {
    // What cannot be read should be found now, and not when somebody tries it.
    for (const value of new Frames().take(bytes)) joinedIn(value)
    decisions += some
    onCount(decisions)
    yield bytes
  }
}
