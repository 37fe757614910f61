import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js'
import { ConditionError } from './condition-error.ts'

/** Together with the checker's rules these bound what evaluating one condition can cost. */
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: 128, maxDepth: 16, maxListElements: 100, maxCallArguments: 12 },
})

/** Parses a CEL expression. @throws ConditionError with the place in the text */
export function parseCel(text: string): ASTNode {
  try {
    return environment.parse(text).ast
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const start = error.range?.start ?? 0
    throw new ConditionError(sentence(error.summary), start, error.range?.end ?? start + 1)
  }
}

const tokenWords: { readonly [token: string]: string } = {
  EOF: 'the end',
  LPAREN: '(',
  RPAREN: ')',
  LBRACKET: '[',
  RBRACKET: ']',
  RBRACE: '}',
  COLON: ':',
}

/** The parser's own words, without what only its users understand. */
function sentence(summary: string): string {
  if (summary === 'Unexpected token: EOF') return 'something is missing at the end'
  const text = summary.replaceAll(/\b[A-Z]{3,}\b/g, (token) => tokenWords[token] ?? token)
  return text.charAt(0).toLowerCase() + text.slice(1)
}
