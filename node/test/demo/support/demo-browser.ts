import { type Browser, chromium, type Page, type Request } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { chromiumPath } from '../../../../deploy/test/requirements.ts'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How long a busy machine may take for what takes milliseconds. */
export const patience = { timeout: 15_000 } as const

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: flags })
}

/** A person at the page, and what goes on behind it. */
export class DemoTab {
  /** What the browser complained of. */
  readonly complaints: string[] = []
  readonly requests: Request[] = []
  readonly page: Page
  private clicks = 0

  private constructor(page: Page) {
    this.page = page
    page.on('request', (request) => this.requests.push(request))
    page.on('pageerror', ({ message }) => this.complaints.push(message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.complaints.push(message.text())
    })
  }

  /** Opens the page in a fresh profile, and waits until it shows what is decided and why. */
  static async open(browser: Browser, url: string): Promise<DemoTab> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const tab = new DemoTab(await context.newPage())
    await tab.page.goto(url)
    await tab.page.locator('#facts li').first().waitFor()
    return tab
  }

  /** Clicks the button of this name, and waits until both screens show their next answer. */
  async click(name: string | RegExp): Promise<void> {
    this.clicks++
    await this.page.getByRole('button', { name, exact: true }).click()
    await expect.poll(() => this.page.locator('#happened > li').count(), patience).toBe(this.clicks)
  }

  /** What the banner, the smaller banner and the agent's prompt say. */
  async screens(): Promise<{ hero: string[]; side: string[]; agent: string[] }> {
    const [hero, side, agent] = await Promise.all(
      ['web.hero', 'web.side', 'call.prompt'].map((placement) =>
        this.spot(placement).locator('.text').allInnerTexts(),
      ),
    )
    return { hero: hero ?? [], side: side ?? [], agent: agent ?? [] }
  }

  spot(placement: string) {
    return this.page.locator(`[id="${placement}"]`)
  }

  /** Addresses that were written to or asked, in order. */
  posts(): string[] {
    return this.requests
      .filter((request) => request.method() === 'POST')
      .map((request) => new URL(request.url()).pathname)
  }
}
