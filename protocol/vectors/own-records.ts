import { common } from './records.ts'

const segment = {
  kind: 'segment',
  epoch: 4,
  id: 'crm:991',
  segment: 'complaining',
  isIn: true,
  at: 1_760_000_001_000,
  seen: 12,
  playbook: 7,
  decisions: [
    {
      decision: '01K75B3QN0ABCDEFGHJKMNPQRS',
      placement: 'email.top',
      offer: 'talk-to-manager',
      treatment: 'banner',
      content: '{"title":"Maya will put it right"}',
      token: 'gaE',
    },
  ],
}

const grant = {
  kind: 'grant',
  epoch: 4,
  id: 'crm:991',
  at: 1_760_000_001_000,
  decision: '01K75B3QN0ABCDEFGHJKMNPQRS',
  placement: 'email.top',
  offer: 'store-card',
  group: 'sales',
  channel: 'email',
  limits: [
    { scope: 'offer', max: 1, since: -1 },
    { scope: 'group', max: 4, since: 1_759_968_000_000 },
  ],
}

const { group: _group, limits: _limits, ...plainGrant } = grant

/** What the primary of a shard writes, and what no node takes for it. */
export const ownRecords: {
  readonly accepted: readonly { readonly name: string; readonly record: object }[]
  readonly refused: readonly { readonly name: string; readonly record: unknown }[]
} = {
  accepted: [
    { name: 'primary', record: { kind: 'primary', epoch: 4, node: 'n1' } },
    { name: 'tick', record: { kind: 'tick', epoch: 4, wall: 1_760_000_001_000 } },
    { name: 'playbook', record: { kind: 'playbook', epoch: 4, version: 7, hash: '9f86d081' } },
    { name: 'segment', record: segment },
    { name: 'grant', record: grant },
    { name: 'a grant without limits', record: plainGrant },
    {
      name: 'a grant that teaches',
      record: {
        ...plainGrant,
        treatment: 'mail',
        trial: 'later click 604800000 604800000 gold',
        arms: ['subject=short'],
      },
    },
  ],
  refused: [
    { name: 'a list', record: [] },
    { name: 'no epoch', record: { kind: 'primary', node: 'n1' } },
    {
      name: 'a grant whose trial is no text',
      record: { ...plainGrant, trial: 1 },
    },
    {
      name: 'a grant in a limit across nothing',
      record: { ...grant, limits: [{ scope: 'shop', max: 1, since: -1 }] },
    },
    { name: 'epoch 0', record: { kind: 'primary', epoch: 0, node: 'n1' } },
    { name: 'a primary without its node', record: { kind: 'primary', epoch: 4 } },
    { name: 'a tick in fractions', record: { kind: 'tick', epoch: 4, wall: 0.5 } },
    { name: 'a playbook without hash', record: { kind: 'playbook', epoch: 4, version: 7 } },
    { name: 'a segment that nobody is in or out of', record: { ...segment, isIn: null } },
    { name: "a channel's kind", record: { kind: 'logout', ...common, epoch: 4 } },
  ],
}
