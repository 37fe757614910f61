import { isFields, retryableByCode } from '@halfsecond/protocol'
import { meanings } from './problem.ts'

/** A readable page of an OpenAPI document: plain HTML, nothing loaded, no script. */
export function docsPage(document: unknown): string {
  const root = fields(document)
  const { title, description, version } = fields(root.info)
  const paths = Object.entries(fields(root.paths))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${html(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${html(title)} <small>${html(version)}</small></h1>
<p>${html(description)} The same as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
${paths.flatMap(([path, methods]) => Object.entries(fields(methods)).map(([method, route]) => routeHtml(method, path, fields(route)))).join('\n')}
<h2>Errors</h2>
<p>Every error is <code>application/problem+json</code>: <code>type, title, status, detail, code, retryable</code>. Match on <code>code</code>.</p>
<table><tr><th>code</th><th>status</th><th>retry</th><th>meaning</th></tr>
${Object.entries(meanings).map(errorRow).join('\n')}
</table>
</body>
</html>
`
}

type Fields = { readonly [name: string]: unknown }

function fields(value: unknown): Fields {
  return isFields(value) ? value : {}
}

function errorRow([code, { status, title }]: [string, { status: number; title: string }]): string {
  const retry = Object.entries(retryableByCode).some(([one, is]) => one === code && is)
  return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${retry ? 'yes' : 'no'}</td><td>${html(title)}</td></tr>`
}

function routeHtml(method: string, path: string, route: Fields): string {
  const parameters = Array.isArray(route.parameters) ? route.parameters.map(fields) : []
  const bodies = Object.entries(fields(fields(route.requestBody).content))
  const answers = Object.entries(fields(route.responses))
  const text = typeof route.description === 'string' ? route.description : ''
  return `<section>
<h2><b>${method.toUpperCase()}</b> ${html(path)}</h2>
<p>${html(route.summary)}</p>
${text
  .split('\n\n')
  .filter((one) => one !== '')
  .map((one) => `<p>${html(one).replace(/`([^`]*)`/g, '<code>$1</code>')}</p>`)
  .join('\n')}
${parameters.map((one) => `<p><code>${html(one.name)}</code> (${html(one.in)}) ${html(one.description)}</p>`).join('\n')}
${bodies.map(([type, one]) => schemaHtml(`Takes ${type}`, fields(one).schema)).join('\n')}
${answers.map(([status, one]) => answerHtml(status, fields(one))).join('\n')}
</section>`
}

function answerHtml(status: string, answer: Fields): string {
  // Problems have one form, told below once.
  if (!/^[123]/.test(status)) return ''
  return Object.entries(fields(answer.content))
    .map(([type, one]) => schemaHtml(`Answers ${status}, ${type}`, fields(one).schema))
    .join('\n')
}

function schemaHtml(title: string, schema: unknown): string {
  const shape = shapeOf(schema, '')
  return shape === ''
    ? `<p>${html(title)}</p>`
    : `<details><summary>${html(title)}</summary><pre>${html(shape)}</pre></details>`
}

/** A schema as a person would write the type. */
function shapeOf(schema: unknown, indent: string): string {
  const { type, properties, items, anyOf, additionalProperties, patternProperties, ...one } =
    fields(schema)
  if ('const' in one) return JSON.stringify(one.const)
  if (Array.isArray(one.enum)) return one.enum.map((each) => JSON.stringify(each)).join(' | ')
  if (Array.isArray(anyOf)) return anyOf.map((each) => shapeOf(each, indent)).join(' | ')
  if (type === 'array') return `[ ${shapeOf(items, indent)}, … ]`
  if (isFields(properties)) return mapShape(properties, required(one.required), indent)
  const [values] = Object.values(fields(patternProperties))
  if (type === 'object')
    return `{ name: ${shapeOf(values ?? additionalProperties, indent) || 'any'}, … }`
  return typeof type === 'string' ? type : ''
}

function mapShape(properties: Fields, needed: ReadonlySet<unknown>, indent: string): string {
  const inner = `${indent}  `
  const lines = Object.entries(properties).map(([name, schema]) => {
    const { description } = fields(schema)
    const comment = typeof description === 'string' ? `${inner}// ${description}\n` : ''
    const mark = needed.has(name) ? '' : '?'
    return `${comment}${inner}${name}${mark}: ${shapeOf(schema, inner) || 'any'}`
  })
  return `{\n${lines.join('\n')}\n${indent}}`
}

function required(names: unknown): ReadonlySet<unknown> {
  return new Set(Array.isArray(names) ? names : [])
}

function html(text: unknown): string {
  if (typeof text !== 'string') return ''
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff }
h1 small { font-weight: normal; color: #667 } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem } h2 b { color: #0a6b52 }
section { border-top: 1px solid #dde } code, pre { font: .875rem/1.45 ui-monospace, monospace } pre { white-space: pre-wrap; background: #f5f6f9; padding: .75rem; border-radius: 6px }
summary { cursor: pointer } table { border-collapse: collapse } td, th { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #dde }
tr:target { background: #fff3c4 }
@media (prefers-color-scheme: dark) { body { color: #dde3ee; background: #12161d } pre { background: #1b212b } h2 b { color: #5fd0ab } a { color: #8ab8ff } section, td, th { border-color: #303948 } tr:target { background: #4a3f10 } }
`
