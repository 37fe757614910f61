import { HalfsecondError, parseIdentifier } from '@halfsecond/protocol'
import { landingLink } from '@halfsecond/protocol/token'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { Landings } from './schemas.ts'
import { tokenRoute } from './token-route.ts'

/** `POST /v1/landings`: who came by a link in a message is its reader, by the token in the link. */
export function landingsRoute(app: App, api: NodeApi): void {
  tokenRoute(app, api, {
    path: '/v1/landings',
    summary: 'Link a device to the reader of a message',
    one: 'One landing',
    many: 'landings',
    description:
      'it says whom the message was made for, an account or an address, and `device` becomes theirs.',
    body: Landings,
    record: ({ token, fields: { device }, options }) => {
      if (typeof device !== 'string')
        throw new HalfsecondError('INVALID', 'device is an identifier, like anon:4hG8')
      const named = parseIdentifier(device, api.namespaces)
      return api.client.record(landingLink(token, named, api.namespaces), options)
    },
  })
}
