import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browser as aBrowser, needs } from '../../../deploy/test/requirements.ts'
import type { ProfileView } from '../../src/core/profile-view.ts'
import type { NodeApi } from '../../src/runtime/node-api.ts'
import { DemoTab, launch, patience } from './support/demo-browser.ts'
import { startDemoNode } from './support/demo-node.ts'

const everybody = {
  hero: ['Made for every weather'],
  side: ['The autumn catalogue'],
  agent: ['Good day, how can I help you?'],
}

const card = {
  hero: ['5 % back with the Fernhill card'],
  side: ['The autumn catalogue'],
  agent: ['Mention the Fernhill card.'],
}

const boots = { side: ['Those boots are still waiting for you'] }

const manager = {
  hero: ['Maya will put this right'],
  side: ['See how your case stands'],
  agent: [
    'Offer a call-back by Maya today, and refund the difference.',
    'Say sorry, and tell how the case stands.',
  ],
}

const caseStatus = {
  hero: ['See how your case stands'],
  side: ['The autumn catalogue'],
  agent: ['Say sorry, and tell how the case stands.'],
}

const chargeAbroad = /^Her card is charged/

describe('the complaint story in a browser', needs(aBrowser), () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())

  it('turns both screens with the very last click, and an accepted offer is gone from both', async () => {
    const { url, api } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    expect(await tab.screens()).toEqual(everybody)
    expect(tab.posts()).toEqual(['/v1/decide', '/v1/decide'])
    expect(await profilesOf(api)).toEqual([])

    await tab.click(/^Ridge boots/)
    expect(await tab.screens()).toEqual(everybody)
    await tab.click(/^Moorland boots/)
    expect(await tab.screens()).toEqual({
      ...everybody,
      hero: ['Those boots are still waiting for you'],
    })
    await tab.click('Sign in as Anna')
    // What she looked at before she signed in is hers.
    expect(await tab.screens()).toEqual({ ...card, ...boots })
    await tab.click(chargeAbroad)
    expect(await tab.screens()).toEqual({ ...card, ...boots })
    await tab.click('Help')
    expect(await tab.screens()).toEqual(manager)
    const before = tab.posts().length
    await tab.click(/^She accepts: Offer a call-back/)
    expect(await tab.screens()).toEqual(caseStatus)

    // Besides displays still on their way: the accept, then one question for each screen.
    const posts = tab.posts().slice(before)
    expect(posts.filter((path) => path === '/v1/decide')).toHaveLength(2)
    expect(await tab.page.locator('#news').textContent()).toBe(
      '“your manager” is gone from both screens.',
    )
    expect(tab.complaints).toEqual([])
    expect(new Set(tab.requests.map((request) => new URL(request.url()).origin))).toEqual(
      new Set([url]),
    )
  })

  it('tells the agent in her next answer what was accepted on the web', async () => {
    const { url } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')
    expect(await tab.screens()).toEqual(card)

    await tab.click(/^Yes, please: 5 % back/)

    expect(await tab.screens()).toEqual(everybody)
  })

  it('shows for each answer its offer, reason, freshness, time and playbook', async () => {
    const { url } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')

    const chips = (placement: string) => tab.spot(placement).locator('.meta li').allInnerTexts()

    const ms = expect.stringMatching(/^\d+(\.\d)? ms$/)
    expect(await chips('web.hero')).toEqual([
      'store-card',
      'reason: rules',
      'fresh',
      ms,
      'playbook 1',
    ])
    expect(await chips('web.side')).toEqual([
      'default content',
      'reason: fallback',
      'fresh',
      ms,
      'playbook 1',
    ])
    expect(await tab.page.locator('#speed').textContent()).toMatch(/^\d+(\.\d)? ms$/)
  })

  it('says why: a sentence, then every candidate with its reason, and what is known', async () => {
    const { url } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')
    await tab.click(chargeAbroad)
    await tab.click('Help')

    const hero = tab.spot('web.hero')
    await hero.getByText('Why this?').click()

    await expect
      .poll(() => hero.locator('.sentence').textContent(), patience)
      .toBe('At web.hero you see your manager, because upset and tier is gold.')
    expect(await hero.locator('.candidate b').allInnerTexts()).toEqual([
      'your manager',
      'case status',
      'store card',
      'boots again',
    ])
    expect(await tab.spot('web.side').locator('.candidate .verdict').allTextContents()).toEqual([
      'shown beside',
      'shown',
      'held back',
      'held back',
    ])
    expect(await hero.locator('.never code').first().textContent()).toBe(
      'never of sales: upset is true',
    )
    expect(await tab.page.locator('.fact.is-true code').allInnerTexts()).toEqual([
      'overcharged',
      'seekingHelp',
      'upset',
    ])
  })

  it('reports what it displayed, once somebody clicked', async () => {
    const { url, api } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')

    const displays = async () => {
      const profiles = await profilesOf(api)
      return profiles
        .flatMap(({ timeline }) => timeline)
        .map(({ offer, outcome }) => ({ offer, outcome }))
    }

    await expect.poll(displays, patience).toEqual([{ offer: 'store-card', outcome: 'display' }])
  })

  it('shows the same person after a reload, and a new one when asked', async () => {
    const { url } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')

    await tab.page.reload()
    await tab.page.locator('#facts li').first().waitFor()
    expect(await tab.screens()).toEqual(card)

    await tab.page.getByRole('button', { name: 'Start again' }).click()
    await expect.poll(() => tab.screens(), patience).toEqual(everybody)
  })

  it('keeps the keyboard where it was when the content under it changes', async () => {
    const { url } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await tab.click('Sign in as Anna')
    expect(await tab.page.locator('#account:focus').count()).toBe(1)

    await tab.click(/^She accepts/)

    expect(await tab.spot('call.prompt').locator('.content:focus').count()).toBe(1)
  })

  it('decides the next click by a playbook that was published meanwhile', async () => {
    const { url, api } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    const text = api.playbook()?.text ?? ''

    await api.publishPlaybook(text.replace('5 % back with', '6 % back with'))
    await tab.click('Sign in as Anna')

    expect((await tab.screens()).hero).toEqual(['6 % back with the Fernhill card'])
  })

  it('says so when the node is gone', async () => {
    const { url, close } = await startDemoNode()
    const tab = await DemoTab.open(browser, url)
    await close()

    await tab.page.getByRole('button', { name: 'Help' }).click()

    await expect
      .poll(() => tab.page.locator('#news').textContent(), patience)
      .toMatch(/^No answer: .*Is halfsecond still running\?$/)
    expect(await tab.screens()).toEqual(everybody)
  })
})

async function profilesOf(api: NodeApi): Promise<ProfileView[]> {
  const profiles: ProfileView[] = []
  for await (const profile of api.profiles()) profiles.push(profile)
  return profiles
}
