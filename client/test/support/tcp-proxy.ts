import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a client and its cluster, and can be a network that fails. */
export class TcpProxy {
  readonly port: number
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private isSilent = false
  private isCut = false

  private constructor(server: Server, port: number, targetPort: number) {
    this.server = server
    this.port = port
    server.on('connection', (socket) => this.join(socket, targetPort))
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new TcpProxy(server, address.port, targetPort)
  }

  /** Connections stay, and nothing comes through until `heal`. */
  silence(): void {
    this.isSilent = true
    for (const socket of this.sockets) socket.pause()
  }

  /** Connections break, and new ones break at once, until `heal`. */
  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  heal(): void {
    this.isSilent = false
    this.isCut = false
    for (const socket of this.sockets) socket.resume()
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close')
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private join(socket: Socket, targetPort: number): void {
    if (this.isCut) {
      socket.destroy()
      return
    }
    const target = connect(targetPort, '127.0.0.1')
    for (const [one, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      this.sockets.add(one)
      one.setNoDelay(true)
      one.on('data', (bytes) => other.write(bytes))
      one.on('error', () => one.destroy())
      one.on('close', () => {
        this.sockets.delete(one)
        other.destroy()
      })
      if (this.isSilent) one.pause()
    }
  }
}
