import { check } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { Counter, Trend } from 'k6/metrics'
import type { Options } from 'k6/options'

/*
 * k6 script, open model: a click, then the content after it, over the JSON API. An iteration is one
 * visitor's click and the decide that must reflect it. Settings come by environment:
 * URL, RATE (clicks a second), SECONDS.
 */

const url = __ENV.URL
const rate = Number(__ENV.RATE ?? 20)
const seconds = Number(__ENV.SECONDS ?? 15)

const clickToContent = new Trend('click_to_content', true)
const missed = new Counter('last_click_missed')

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
    click_to_content: ['p(99)<500'],
    last_click_missed: ['count==0'],
    dropped_iterations: ['count==0'],
  },
}

const json = { headers: { 'content-type': 'application/json' } }

export function click(): void {
  const key = `anon:k6-${exec.scenario.iterationInTest}-${exec.vu.idInTest}`
  const started = Date.now()
  const recorded = http.post(
    `${url}/v1/events`,
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
    json,
  )
  const position = recorded.json('results.0.position')
  const decided = http.post(
    `${url}/v1/decide`,
    JSON.stringify({ identifiers: [key], placements: ['side'], position }),
    json,
  )
  clickToContent.add(Date.now() - started)
  check(recorded, { 'the click was recorded': ({ status }) => status === 200 })
  check(decided, { 'content was decided': ({ status }) => status === 200 })
  if (decided.json('decisions.side.offer') !== 'seen') missed.add(1)
}

/** One line of JSON for whoever started k6; it shows the rest. */
export function handleSummary(data: object): { stdout: string } {
  return { stdout: `${JSON.stringify(data)}\n` }
}
