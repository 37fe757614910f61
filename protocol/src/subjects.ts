/**
 * NATS subjects and streams. Only numbers and node ids that we made ourselves become tokens;
 * user text never does.
 */
export const subjects = {
  /** Channels publish batches here; captured by the shard's stream. */
  log: (shard: number) => `hs.log.${shard}`,
  /** Nodes publish internal records here; the same stream. Only node credentials may. */
  own: (shard: number) => `hs.own.${shard}`,
  /** A node answers frames of questions here. */
  decide: (node: string) => `hs.node.${node}.decide`,
  /** Another node asks here for what it needs to decide, or passes a question on. */
  peer: (node: string) => `hs.node.${node}.peer`,
  /** Other nodes and operators ask a node about itself here: snapshots, profiles, draining. */
  control: (node: string) => `hs.node.${node}.ctl`,
  /** A node tells here how it is, several times a second. */
  beat: (node: string) => `hs.beat.${node}`,
  /** The beats of all nodes. */
  beats: 'hs.beat.*',
  /** The shard map is broadcast here. */
  map: 'hs.map',
  /** The shard map is asked for here. */
  mapGet: 'hs.map.get',
  /** Other systems tell what they know here, as JSON; one node takes each message. */
  feed: 'hs.feed',
  /** What other systems hear of a shard's profiles, as JSON. Only node credentials may publish. */
  signal: (shard: number) => `hs.signal.${shard}`,
  /** The signals of all shards. */
  signals: 'hs.signal.*',
  /** The stream of all signals. */
  signalStream: 'HS-SIGNAL',
  /** Nodes append what they decided here, each decision to one of a few partitions. */
  decision: (partition: number) => `hs.decision.${partition}`,
  /** What is left of a message of this hour since 1970, of which something was erased. */
  decisionLeft: (partition: number, hour: number) => `hs.decision.${partition}.${hour}`,
  /** All of it. */
  decisions: 'hs.decision.>',
  /** The stream of all decisions. */
  decisionStream: 'HS-DECISION',
  /** Nodes publish what was learnt here. */
  model: 'hs.model',
  /** The stream of all versions of it. */
  modelStream: 'HS-MODEL',
  /** The stream of a shard. */
  stream: (shard: number) => `HS-LOG-${shard}`,
} as const

/** Form of a node id, so that it may be a subject token. */
export const nodeIdPattern = /^[A-Za-z0-9_-]{1,32}$/
