import { check } from 'k6'
import exec from 'k6/execution'
import http, { type RefinedResponse } from 'k6/http'
import { Counter, Trend } from 'k6/metrics'
import type { Options } from 'k6/options'

/*
 * k6 script, open model: a click, then the content after it, over the JSON API. An iteration is one
 * visitor's click and the decide that must reflect it. Settings come by environment: URLS of the
 * nodes by commas, which take turns and stand in for each other as behind a load balancer, RATE
 * (clicks a second), and PHASES in their order, like `steady:15,killed:15`, with seconds.
 */

const urls = (__ENV.URLS ?? '').split(',')
const rate = Number(__ENV.RATE ?? 20)
const phases = (__ENV.PHASES ?? 'steady:15').split(',').map((text) => {
  const [name = '', seconds = '0'] = text.split(':')
  return { name, seconds: Number(seconds) }
})
const seconds = phases.reduce((sum, phase) => sum + phase.seconds, 0)

const clickToContent = new Trend('click_to_content', true)
const missed = new Counter('last_click_missed')
/** Answers of the newest facts, and those of them without the click: of these there must never be any. */
const fresh = new Counter('fresh')
const freshMissed = new Counter('fresh_missed')

export const options: Options = {
  discardResponseBodies: false,
  noConnectionReuse: false,
  summaryTrendStats: ['med', 'p(99)', 'max'],
  scenarios: {
    clicks: {
      executor: 'constant-arrival-rate',
      exec: 'click',
      rate,
      timeUnit: '1s',
      duration: `${seconds}s`,
      // k6 starts further ones too slowly: enough for half a second of everybody waiting.
      preAllocatedVUs: Math.max(20, Math.ceil(rate / 2)),
    },
  },
  thresholds: {
    checks: ['rate==1'],
    ...Object.fromEntries(
      phases.map(({ name }) => [`click_to_content{phase:${name}}`, ['p(99)<500']]),
    ),
    click_to_content: ['p(99)<500'],
    last_click_missed: ['count==0'],
    dropped_iterations: ['count==0'],
  },
}

const json = { headers: { 'content-type': 'application/json' } }

export function click(): void {
  const key = `anon:k6-${exec.scenario.iterationInTest}-${exec.vu.idInTest}`
  const started = Date.now()
  const recorded = post(
    '/v1/events',
    JSON.stringify({
      records: [
        {
          kind: 'event',
          id: 'click',
          key,
          at: started,
          name: 'pressed',
          properties: { path: '/' },
        },
      ],
    }),
  )
  const position = recorded.json('results.0.position')
  const decided = post(
    '/v1/decide',
    JSON.stringify({ identifiers: [key], placements: ['side'], position }),
  )
  clickToContent.add(Date.now() - started, { phase: phaseNow() })
  check(recorded, { 'the click was recorded': ({ status }) => status === 200 })
  check(decided, { 'content was decided': ({ status }) => status === 200 })
  const isMissed = decided.json('decisions.side.offer') !== 'seen'
  if (isMissed) missed.add(1)
  if (decided.json('decisions.side.freshness') === 'fresh') {
    fresh.add(1)
    freshMissed.add(isMissed ? 1 : 0)
  }
}

/** A node that refuses the connection or is not there: the next one, as a load balancer does it. */
function post(path: string, body: string): RefinedResponse<'text'> {
  const first = exec.scenario.iterationInTest % urls.length
  let response = http.post(`${urls[first]}${path}`, body, json)
  for (let i = 1; i < urls.length && (response.status === 0 || response.status === 503); i++)
    response = http.post(`${urls[(first + i) % urls.length]}${path}`, body, json)
  return response
}

function phaseNow(): string {
  let end = 0
  const now = (Date.now() - exec.scenario.startTime) / 1000
  for (const { name, seconds: length } of phases) {
    end += length
    if (now < end) return name
  }
  return phases[phases.length - 1]?.name ?? ''
}

/** One line of JSON for whoever started k6; it shows the rest. */
export function handleSummary(data: object): { stdout: string } {
  return { stdout: `${JSON.stringify(data)}\n` }
}
