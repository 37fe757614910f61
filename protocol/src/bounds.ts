/**
 * Every maximum on the wire, with its reason. Sizes are bytes (of text: as UTF-8), times are
 * milliseconds.
 * A value above its bound is refused with `TOO_LARGE` or `INVALID`; nothing is ever cut silently.
 */
export const bounds = {
  /** One frame: a batch, a question frame or an HTTP body. Decoding one blocks a loop for < 10 ms. */
  frameBytes: 256 * 1024,
  /** An answer frame: NATS refuses payloads above 1 MiB by default; the rest is left for headers. */
  answerFrameBytes: 1_000_000,
  /** One encoded record, so that 64 of them (an open timeline chunk) stay writable in one row. */
  recordBytes: 32 * 1024,
  /** Records of one batch: bounds the time that one log entry keeps a shard's fold busy. */
  recordsPerBatch: 4_096,
  /** MessagePack values in one record: an empty map costs 60 times its bytes once decoded. */
  elementsPerRecord: 2_000,
  /** Nesting of a frame, counted in maps and arrays: every recursive reader behind stays shallow. */
  depth: 8,
  /** Nesting of an answer frame: content of three levels stands at its seventh. */
  answerDepth: 12,
  /** MessagePack values in one answer: 16 placements of content that is ours. */
  elementsPerAnswer: 100_000,
  /** Keys of one map. */
  keysPerMap: 256,
  /** A key of a map. */
  keyBytes: 64,
  /** The value part of an identifier, in its canonical form. */
  identifierBytes: 256,
  /** Epochs of a device: who shares one with more is known by logging in only. */
  epochsPerDevice: 16,
  /** What a copy of a fragment takes at most: traits, links and aggregates, without the timeline. */
  copyBytes: 64 * 1024,
  /** Values of a namespace that are blocked: each identifier is compared to them. */
  blockedValues: 256,
  /** Identifiers that one call may name: the built-in namespaces, and room for as many configured. */
  identifiersPerCall: 16,
  /** Record, event, trait, placement, offer and channel names. */
  nameBytes: 64,
  /** Record ids, producers and decision ids. */
  idBytes: 64,
  /** A string inside properties or traits. */
  stringBytes: 8 * 1024,
  /** Elements of a list inside properties or traits. */
  listElements: 100,
  /** Names and values inside properties or traits: a full `unset` beside them still fits a record. */
  valuesPerRecord: 1_600,
  /** Traits that one record sets or unsets. */
  traitsPerRecord: 256,
  /** Positions that a visitor carries: the newest four shards cover account, contact and two devices. */
  positionsPerVisitor: 4,
  /** Placements of one decide. */
  placementsPerDecide: 16,
  /** Questions of one frame: with content ≤ 16 KiB their answers still fit an answer frame. */
  questionsPerFrame: 48,
  /** Batches of pending records that a decide may carry. */
  pendingPerDecide: 16,
  /** A token, as text: it travels in links and forms. Holds every field at its longest. */
  tokenChars: 1_536,
  /** What a token says of learning: how, and a bucket of visitors. */
  trialChars: 160,
  /** Experiments that meet in one decision. */
  armsPerDecision: 4,
  /** `experiment=arm` */
  armChars: 65,
  /** Shards of a cluster: more streams than this saturate a NATS server's Raft groups. */
  shards: 256,
  /** Longest deadline of a decide; half a second is the promise, two are patience. */
  deadlineMs: 2_000,
  /** How long a node waits for its fold to reach a position before it answers `stale`. */
  positionWaitMs: 50,
} as const
