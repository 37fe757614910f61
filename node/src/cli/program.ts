import { Command, CommanderError } from 'commander'
import { addBacktest } from './commands/backtest.ts'
import { addCatalogueImport } from './commands/catalogue-import.ts'
import { addCatalogueLs } from './commands/catalogue-ls.ts'
import { addDecisionsExport } from './commands/decisions-export.ts'
import { addDev } from './commands/dev.ts'
import { addErase } from './commands/erase.ts'
import { addExperimentLs } from './commands/experiment-ls.ts'
import { addExperimentReport } from './commands/experiment-report.ts'
import { addExport } from './commands/export.ts'
import { addIdentityApply } from './commands/identity-apply.ts'
import { addIdentityPlan } from './commands/identity-plan.ts'
import { addIdentityRevert, addIdentityShow } from './commands/identity-revert.ts'
import { addImport } from './commands/import.ts'
import { addModelLs, addModelShow } from './commands/model.ts'
import { addNode } from './commands/node.ts'
import { addNodeDecommission, addNodeDrain, addNodeUndrain } from './commands/node-leave.ts'
import { addNodeLs } from './commands/node-ls.ts'
import { addNodeShow } from './commands/node-show.ts'
import { addPlaybookCheck } from './commands/playbook-check.ts'
import { addPlaybookDefaults } from './commands/playbook-defaults.ts'
import { addPlaybookDiff } from './commands/playbook-diff.ts'
import { addPlaybookLog, addPlaybookShow } from './commands/playbook-log.ts'
import { addPlaybookPublish } from './commands/playbook-publish.ts'
import { addPlaybookRollback } from './commands/playbook-rollback.ts'
import { addPlaybookTest } from './commands/playbook-test.ts'
import { addProfileAudit } from './commands/profile-audit.ts'
import { addProfileConflicts } from './commands/profile-conflicts.ts'
import { addProfileExport } from './commands/profile-export.ts'
import { addProfileGet } from './commands/profile-get.ts'
import { addProfileLinks } from './commands/profile-links.ts'
import { addProfileSplit } from './commands/profile-split.ts'
import { addProfileTimeline } from './commands/profile-timeline.ts'
import { addRebalanceApply, addRebalanceCancel } from './commands/rebalance-apply.ts'
import { addRebalancePlan, addRebalanceStatus } from './commands/rebalance-plan.ts'
import { addShardLs } from './commands/shard-ls.ts'
import { addShardMove } from './commands/shard-move.ts'
import { addShardShow } from './commands/shard-show.ts'
import { addSignals } from './commands/signals.ts'
import { addStatus } from './commands/status.ts'
import { addWebhooks } from './commands/webhooks.ts'
import { addWhy } from './commands/why.ts'
import { describeFailure, Exit, exitCodes } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

const about = `Real-time personalisation on an actor-based, in-memory profile cluster.`

const environment = `
Environment:
  HALFSECOND_ADMIN_URL  admin port of any node, for what neither runs a node nor imports
                        (default: http://127.0.0.1:7501)
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
  const node = addNode(program, around)
  addNodeLs(node, around)
  addNodeShow(node, around)
  addNodeDrain(node, around)
  addNodeUndrain(node, around)
  addNodeDecommission(node, around)
  const playbook = program
    .command('playbook')
    .description('check, compare, publish and take back what authors write')
    .helpCommand(false)
  addPlaybookCheck(playbook, around)
  addPlaybookTest(playbook, around)
  addPlaybookDiff(playbook, around)
  addPlaybookPublish(playbook, around)
  addPlaybookRollback(playbook, around)
  addPlaybookLog(playbook, around)
  addPlaybookShow(playbook, around)
  addPlaybookDefaults(playbook, around)
  const catalogue = program
    .command('catalogue')
    .description('import and see the items that offers are made from')
    .helpCommand(false)
  addCatalogueImport(catalogue, around)
  addCatalogueLs(catalogue, around)
  const identity = program
    .command('identity')
    .description('by what visitors are recognised: see, plan, apply and revert')
    .helpCommand(false)
  addIdentityShow(identity, around)
  addIdentityPlan(identity, around)
  addIdentityApply(identity, around)
  addIdentityRevert(identity, around)
  const experiment = program
    .command('experiment')
    .description('see what experiments say: lift with an interval, shares, guardrails')
    .helpCommand(false)
  addExperimentLs(experiment, around)
  addExperimentReport(experiment, around)
  const model = program
    .command('model')
    .description('see what was learnt, version by version')
    .helpCommand(false)
  addModelLs(model, around)
  addModelShow(model, around)
  addWhy(program, around)
  addBacktest(program, around)
  const decisions = program
    .command('decisions')
    .description('what was decided, with what became of it')
    .helpCommand(false)
  addDecisionsExport(decisions, around)
  addImport(program, around)
  const profile = program
    .command('profile')
    .description('see what is known of persons, and how they are recognised')
    .helpCommand(false)
  addProfileGet(profile, around)
  addProfileTimeline(profile, around)
  addProfileLinks(profile, around)
  addProfileAudit(profile, around)
  addProfileConflicts(profile, around)
  addProfileExport(profile, around)
  addProfileSplit(profile, around)
  addExport(program, around)
  addErase(program, around)
  addSignals(program, around)
  addWebhooks(program, around)
  addStatus(program, around)
  const shard = program.command('shard').description('see and move shards').helpCommand(false)
  addShardLs(shard, around)
  addShardShow(shard, around)
  addShardMove(shard, around)
  const rebalance = program
    .command('rebalance')
    .description('see, start and stop moves for balance')
    .helpCommand(false)
  addRebalancePlan(rebalance, around)
  addRebalanceApply(rebalance, around)
  addRebalanceStatus(rebalance, around)
  addRebalanceCancel(rebalance, around)
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
