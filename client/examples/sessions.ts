// A shop's own logins, as small as they can be: yours are in a database, with passwords hashed.
import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'

export interface Customer {
  readonly id: string
  readonly email: string
}

const customers = new Map([['ann', { id: '4711', email: 'ann@example.org', password: 'boots' }]])
const sessions = new Map<string, Customer>()

/** The customer who is logged in with this request, if any. */
export function customerOf(req: Request): string | undefined {
  return sessions.get(sessionOf(req))?.id
}

export async function checkPassword(form: {
  name?: unknown
  password?: unknown
}): Promise<Customer> {
  const customer = customers.get(String(form.name))
  if (customer === undefined || customer.password !== form.password)
    throw new Error('wrong password')
  return customer
}

export function startSession(res: Response, customer: Customer): void {
  const id = randomUUID()
  sessions.set(id, customer)
  res.cookie('session', id, { httpOnly: true, sameSite: 'lax' })
}

export function endSession(res: Response): void {
  sessions.delete(sessionOf(res.req))
  res.clearCookie('session')
}

function sessionOf(req: Request): string {
  return /(?:^|; )session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
}
