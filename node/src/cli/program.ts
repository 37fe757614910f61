import { Command, CommanderError } from 'commander'
import { addDev } from './commands/dev.ts'
import { addExport } from './commands/export.ts'
import { addImport } from './commands/import.ts'
import { addNode } from './commands/node.ts'
import { addPlaybookCheck } from './commands/playbook-check.ts'
import { addPlaybookDefaults } from './commands/playbook-defaults.ts'
import { addPlaybookPublish } from './commands/playbook-publish.ts'
import { addProfileGet } from './commands/profile-get.ts'
import { addStatus } from './commands/status.ts'
import { addWhy } from './commands/why.ts'
import { describeFailure, Exit, exitCodes } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

const about = `Real-time personalisation on an actor-based, in-memory profile cluster.`

const environment = `
Environment:
  HALFSECOND_ADMIN_URL  admin port of a node, for why, profile, export, status and
                        playbook publish (default: http://127.0.0.1:7501)
  HALFSECOND_URL        where records go, for import: http://host:7500 or nats://host:4222
                        (default: http://127.0.0.1:7500)

Exit codes: 0 done, 1 failed, 2 wrong usage.`

/** The command `halfsecond` with all its commands. */
export function createProgram(around: Surroundings): Command {
  const program = new Command('halfsecond')
    .description(about)
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => around.output.write(text),
      writeErr: (text) => around.notes.write(text),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .addHelpText('after', environment)
  addDev(program, around)
  addNode(program, around)
  const playbook = program
    .command('playbook')
    .description('check and publish what authors write')
    .helpCommand(false)
  addPlaybookCheck(playbook, around)
  addPlaybookPublish(playbook, around)
  addPlaybookDefaults(playbook, around)
  addWhy(program, around)
  addImport(program, around)
  const profile = program.command('profile').description('look at one profile').helpCommand(false)
  addProfileGet(profile, around)
  addExport(program, around)
  addStatus(program, around)
  return program
}

/** Help reads the same wherever it is printed. */
const helpWidth = 100

/** Runs one command line; resolves with the exit code. Never rejects. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    await createProgram(around).parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (thrown) {
    if (thrown instanceof Exit) return thrown.code
    // Commander has printed what is wrong already, or the help that was asked for.
    if (thrown instanceof CommanderError) {
      return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    }
    around.notes.write(`${describeFailure(thrown)}\n`)
    return exitCodes.failed
  }
}
