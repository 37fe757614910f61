import type { AddressInfo } from 'node:net'
import { HalfsecondError, type Identifier, toHalfsecondError } from '@halfsecond/protocol'
import type { onRequestHookHandler } from 'fastify'
import type { NodeApi } from '../runtime/node-api.ts'
import { catalogueRoutes } from './catalogue-routes.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { decideRoute } from './decide-route.ts'
import { erasureRoutes } from './erasure-routes.ts'
import { eventsRoute } from './events-route.ts'
import { experimentRoutes } from './experiment-routes.ts'
import { healthRoutes } from './health-routes.ts'
import { identityRoutes } from './identity-routes.ts'
import { joinedDecisionsRoute } from './joined-decisions-route.ts'
import { landingsRoute } from './landings-route.ts'
import { type App, makeListener } from './listener.ts'
import { mapRoute } from './map-route.ts'
import { modelRoutes } from './model-routes.ts'
import { describe, sendPage } from './openapi.ts'
import { operationsRoutes } from './operations-routes.ts'
import { outcomesRoute } from './outcomes-route.ts'
import { playbookRoutes, playbookTypes } from './playbook-routes.ts'
import { profileRoutes } from './profile-routes.ts'
import { signalsRoute } from './signals-route.ts'
import { webhooksRoutes } from './webhooks-routes.ts'
import { whyRoute } from './why-route.ts'

export interface HttpServerOptions {
  readonly host: string
  /** For channels. 0: any that is free. */
  readonly port: number
  /** The admin listener reads profiles and publishes playbooks, so it may listen elsewhere. */
  readonly adminHost: string
  readonly adminPort: number
  readonly version: string
  /** Pages of the public listener by path, like `/`: each one self-contained HTML. */
  readonly pages?: ReadonlyMap<string, string>
  /** Visitors whom the public listener explains too: made up by a page, nobody's secret. Default: none. */
  readonly isExplained?: (identifier: Identifier) => boolean
}

/** What the doors tell, and what `/metrics` answers. */
export interface HttpTelemetry {
  readonly contentType: string
  metrics(): Promise<string>
  answered(route: string, status: number, seconds: number): void
  failed(what: string, error: Error): void
}

/** Where a server listens. */
export interface Listening {
  readonly port: number
  readonly adminPort: number
}

/** How long requests under way may take when closing; then their connections are cut. */
const closeMs = 5_000

/** The HTTP doors of a node: a public and an admin listener. */
export class HttpServer {
  private readonly options: HttpServerOptions
  private readonly publicApp: App
  private readonly adminApp: App

  private constructor(options: HttpServerOptions, publicApp: App, adminApp: App) {
    this.options = options
    this.publicApp = publicApp
    this.adminApp = adminApp
  }

  static async make(
    options: HttpServerOptions,
    api: NodeApi,
    telemetry: HttpTelemetry,
  ): Promise<HttpServer> {
    const publicApp = makeListener({ ...callbacks(telemetry), textTypes: [] })
    await describe(publicApp, 'halfsecond', 'For channel servers.', options.version)
    eventsRoute(publicApp, api)
    decideRoute(publicApp, api)
    outcomesRoute(publicApp, api)
    landingsRoute(publicApp, api)
    mapRoute(publicApp, api)
    healthRoutes(publicApp, api)
    if (options.isExplained) whyRoute(publicApp, api, options.isExplained)
    for (const [path, html] of options.pages ?? []) {
      publicApp.get(path, { schema: { hide: true } }, (_request, reply) => sendPage(reply, html))
    }

    const adminApp = makeListener({ ...callbacks(telemetry), textTypes: playbookTypes })
    adminApp.addHook('onRequest', refuseOtherSites)
    await describe(adminApp, 'halfsecond admin', 'For operators and authors.', options.version)
    profileRoutes(adminApp, api)
    joinedDecisionsRoute(adminApp, api)
    identityRoutes(adminApp, api)
    erasureRoutes(adminApp, api)
    signalsRoute(adminApp, api)
    webhooksRoutes(adminApp, api)
    playbookRoutes(adminApp, api)
    catalogueRoutes(adminApp, api)
    experimentRoutes(adminApp, api)
    modelRoutes(adminApp, api)
    operationsRoutes(adminApp, api, telemetry)
    clusterRoutes(adminApp, api)
    mapRoute(adminApp, api)
    healthRoutes(adminApp, api)
    return new HttpServer(options, publicApp, adminApp)
  }

  /** Rejects with `UNAVAILABLE` where a port is taken or an address is not of this machine. */
  async listen(): Promise<Listening> {
    const { host, port, adminHost, adminPort } = this.options
    try {
      await this.publicApp.listen({ host, port })
      await this.adminApp.listen({ host: adminHost, port: adminPort })
    } catch (error) {
      await this.close()
      throw toHalfsecondError(error, 'UNAVAILABLE', 'cannot listen; is another node running here?')
    }
    return { port: portOf(this.publicApp), adminPort: portOf(this.adminApp) }
  }

  /** Stops listening, answers what is under way, then resolves. */
  async close(): Promise<void> {
    await Promise.all([closeApp(this.publicApp), closeApp(this.adminApp)])
  }
}

function callbacks(telemetry: HttpTelemetry) {
  return {
    answered: telemetry.answered.bind(telemetry),
    failed: telemetry.failed.bind(telemetry),
  }
}

/**
 * A page from elsewhere in an operator's browser could reach an admin port on localhost. Browsers
 * say where a request comes from; other programs say nothing, and are let through.
 */
const refuseOtherSites: onRequestHookHandler = (request, _reply, done) => {
  const site = request.headers['sec-fetch-site']
  const isOwn = site === undefined || site === 'same-origin' || site === 'none'
  done(isOwn ? undefined : new HalfsecondError('FORBIDDEN', 'not from a page of another site'))
}

function portOf(app: App): number {
  const address: AddressInfo | string | null = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closeApp(app: App): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), closeMs)
  await app.close()
  clearTimeout(cut)
}
