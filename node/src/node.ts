import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import { HalfsecondError, type Identifier } from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import packageJson from '../package.json' with { type: 'json' }
import type { Config } from './config.ts'
import { Feed } from './feed.ts'
import { gaugesOfEngine } from './gauges-of-engine.ts'
import { HttpServer } from './http/http-server.ts'
import { readIdentity } from './identity-file/read-identity.ts'
import { readers } from './playbook-readers.ts'
import { type ModePorts, openEmbedded, openOnNats } from './ports-of-mode.ts'
import type { Webhook } from './runtime/delivery/webhook.ts'
import { Engine } from './runtime/engine.ts'
import type { NodeApi } from './runtime/node-api.ts'
import { markSeldom } from './system/heap.ts'
import { systemClock } from './system/system-clock.ts'
import { systemRandom } from './system/system-random.ts'
import { ZoneCalendar } from './system/zone-calendar.ts'
import type { LogOutput } from './telemetry/logger.ts'
import { Telemetry } from './telemetry/telemetry.ts'
import { tokenKeysIn } from './token-key-file.ts'
import { FetchPostman } from './webhooks/fetch-postman.ts'
import { webhooksIn } from './webhooks/read-webhooks.ts'

export interface NodeOptions {
  /** Where log lines go. */
  readonly output: LogOutput
  /** Pages of the public port by path, self-contained HTML. Default: none. */
  readonly pages?: ReadonlyMap<string, string>
  /** Visitors whose `why` those pages may read on the public port. Default: none. */
  readonly isExplained?: (identifier: Identifier) => boolean
}

export interface RunningNode {
  readonly api: NodeApi
  /** Of the public port, for channels. */
  readonly url: string
  readonly adminUrl: string
  /** Hands its shards over, answers what is under way, writes what is folded, then frees everything. */
  close(): Promise<void>
}

/**
 * Joins the parts of a node and starts them. Resolves once it answers decides.
 * Rejects with a `HalfsecondError` that says what to do; then nothing is left open.
 */
export async function startNode(config: Config, options: NodeOptions): Promise<RunningNode> {
  const { nodeId, dataDir, logLevel, zone, weight, standbys } = config
  const { version } = packageJson
  const telemetry = new Telemetry({
    version,
    node: nodeId,
    level: logLevel,
    output: options.output,
  })
  const closers: (() => Promise<void> | void)[] = [markSeldom(), () => telemetry.close()]
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    const ports = await openPorts(config, telemetry)
    closers.push(() => ports.close())
    const calendar = new ZoneCalendar()
    const engine = await Engine.start({
      ...ports,
      id: nodeId,
      tokenKeys: new TokenKeys(config.tokenKeys ?? tokenKeysIn(dataDir)),
      memoryBytes: config.memoryBytes,
      retentionMs: config.retentionMs,
      place: { host: hostname(), zone, weight, standbys },
      clock: systemClock,
      calendar,
      random: systemRandom,
      observer: telemetry.observer,
      ...readers(calendar),
      hash: (content) => hash('sha256', content),
      parseIdentity: readIdentity,
      webhooks: webhooksOf(config),
      postman: new FetchPostman(),
    })
    closers.push(() => engine.stop())
    telemetry.watch(gaugesOfEngine({ ...config, engine, store: ports.store }))
    const http = await HttpServer.make({ ...options, ...config, version }, engine, telemetry)
    const { port, adminPort } = await http.listen()
    closers.push(() => http.close())
    const feed = new Feed({ bus: ports.bus, api: engine, observer: telemetry.observer })
    closers.push(() => feed.close())
    closers.push(() => engine.drain())
    return {
      api: engine,
      url: `http://${hostIn(config.host)}:${port}`,
      adminUrl: `http://${hostIn(config.adminHost)}:${adminPort}`,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** @throws HalfsecondError `INVALID` */
function webhooksOf({ webhooks, webhookSecrets }: Config): readonly Webhook[] {
  if (webhooks !== undefined) return webhooksIn(webhooks, webhookSecrets)
  if (webhookSecrets.size === 0) return []
  throw new HalfsecondError(
    'INVALID',
    'HALFSECOND_WEBHOOK_SECRETS is set without HALFSECOND_WEBHOOKS',
  )
}

function openPorts(config: Config, { observer }: Telemetry): Promise<ModePorts> | ModePorts {
  const { nodeId: id, dataDir, shards, natsUrl, replicas } = config
  const options = { id, dataDir, shards, clock: systemClock, observer }
  return natsUrl === undefined ? openEmbedded(options) : openOnNats(natsUrl, replicas, options)
}

/** As it stands in an address: wildcards are reached over loopback, IPv6 in brackets. */
function hostIn(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
