import { fragmentName, isFragmentId, type Strength } from '@halfsecond/protocol'
import { compareIds } from '../fragment/entry.ts'
import type { LinkView } from '../profile-view.ts'
import type { ErasureView, HeadView } from './head-view.ts'

/** The channel of what an operator did by hand; who it was stands as the source. */
export const operatorChannel = 'operator'

/** One thing that happened to how a person is recognised. */
export interface AuditEntry {
  readonly at: string
  readonly what:
    | 'link'
    | 'unlink'
    | 'split'
    | 'refuse'
    | 'unverified'
    | 'login'
    | 'logout'
    | 'erase'
  /** The identifier at whose home it is kept. */
  readonly of: string
  /** Of a link: its other end. Of an erase: from where it came. */
  readonly other?: string
  /** Of the record that said so. */
  readonly id?: string
  readonly channel?: string
  readonly source?: string
  readonly strength?: Strength
  readonly reason?: string
  /** Version of the identity configuration that it was told under. */
  readonly under?: number
}

/** All that is known of how these fragments came together and apart, oldest first. */
export function auditOf(members: readonly HeadView[]): AuditEntry[] {
  return members
    .flatMap(({ id, links, epochs, erasures }): AuditEntry[] => {
      const of = fragmentName(id)
      return [
        ...links.flatMap((link) => auditLink(of, link)),
        ...epochs.flatMap(({ from, isClaimed }) =>
          from === undefined ? [] : [{ at: from, what: loginOr(isClaimed), of }],
        ),
        ...erasures.map((one) => auditErasure(of, one)),
      ]
    })
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || compareIds(a.id ?? '', b.id ?? ''))
}

function auditLink(of: string, { to, state, since, reason, ...written }: LinkView): AuditEntry[] {
  const other = isFragmentId(to) ? fragmentName(to) : to
  const { at, id, channel, source, strength, under } = written
  const said = {
    of,
    other,
    ...(id !== '' && { id }),
    ...(channel !== undefined && { channel }),
    ...(source !== undefined && { source }),
    ...(strength !== undefined && { strength }),
    ...(under !== undefined && { under }),
  }
  if (strength === undefined)
    return [{ at, what: channel === operatorChannel ? 'split' : 'unlink', ...said }]
  const told: AuditEntry = { at, what: 'link', ...said }
  if (state === undefined || state === 'valid') return [told]
  const what = state === 'refused' ? 'refuse' : 'unverified'
  return [
    told,
    {
      at: since ?? at,
      what,
      of,
      other,
      ...(id !== '' && { id }),
      ...(reason !== undefined && { reason }),
    },
  ]
}

function loginOr(isClaimed: boolean): 'login' | 'logout' {
  return isClaimed ? 'login' : 'logout'
}

function auditErasure(of: string, { eraseId, at, from }: ErasureView): AuditEntry {
  return {
    at,
    what: 'erase',
    of,
    id: eraseId,
    ...(from !== undefined && { other: fragmentName(from) }),
  }
}
