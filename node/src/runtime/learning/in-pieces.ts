/** Frames put together, until a piece has so many bytes: handing over each alone costs more than it does. */
export async function* inPieces(
  frames: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array> {
  let piece: Uint8Array[] = []
  let bytes = 0
  for await (const frame of frames) {
    piece.push(frame)
    bytes += frame.length
    if (bytes < pieceBytes) continue
    yield Buffer.concat(piece, bytes)
    piece = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(piece, bytes)
}
