import { pino } from 'pino'

/*
 * Logs: one line per change of state. JSON for machines; where a person watches, the same line as
 * text. Messages are ours and fixed; data stands in fields. Never what a visitor or channel wrote.
 */

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Where lines go: standard output, or a test. */
export interface LogOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export function makeLogger(level: LogLevel, node: string, output: LogOutput): Logger {
  const options = {
    level,
    base: { node },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const write = output.isTTY
    ? (line: string) => output.write(readable(line))
    : (line: string) => output.write(line)
  return pino(options, { write })
}

const colours: { readonly [level: string]: string } = { warn: '\x1b[33m', error: '\x1b[31m' }

/** `12:00:01 warn  NATS is away  shard=3`: what pino wrote, for eyes. */
function readable(line: string): string {
  const { time, level, msg, node: _, ...fields }: { [name: string]: unknown } = JSON.parse(line)
  const colour = colours[String(level)] ?? ''
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${textOf(value)}`)
  return `${String(time).slice(11, 19)} ${colour}${String(level).padEnd(5)}\x1b[0m ${String(msg)}${rest.join('')}\n`
}

function textOf(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value)
}
