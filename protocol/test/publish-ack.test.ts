import { describe, expect, it } from 'vitest'
import { parsePublishAck } from '../src/publish-ack.ts'
import { thrownBy } from './arbitraries.ts'

describe('the answer of JetStream to a publish', () => {
  it('holds the sequence of the entry', () => {
    expect(parsePublishAck('{"stream":"HS-LOG-7","seq":1234}')).toBe(1_234)
  })

  it.each([
    ['{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}', 'LOG_FULL'],
    ['{"error":{"code":500,"err_code":10047,"description":"insufficient storage"}}', 'LOG_FULL'],
    ['{"error":{"code":400,"err_code":10054,"description":"message size exceeds"}}', 'TOO_LARGE'],
    ['{"error":{"code":503,"err_code":10039,"description":"no leader"}}', 'UNAVAILABLE'],
    ['{"error":"text"}', 'UNAVAILABLE'],
    ['{}', 'UNAVAILABLE'],
    ['null', 'UNAVAILABLE'],
    ['', 'UNAVAILABLE'],
    ['not json', 'UNAVAILABLE'],
  ])('is an error for %s', (text, code) => {
    expect(thrownBy(() => parsePublishAck(text))).toMatchObject({ name: 'HalfsecondError', code })
  })
})

it('a refusal that brings a sequence along is a refusal', () => {
  const full =
    '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"HS-LOG-0","seq":0}'

  expect(() => parsePublishAck(full)).toThrow(expect.objectContaining({ code: 'LOG_FULL' }))
  expect(() => parsePublishAck('{"stream":"HS-LOG-0","seq":0}')).toThrow()
})
