import { MarkupKind } from 'vscode-languageserver';
import { parameterName } from '../../compiler/elaborate/arguments.ts';
import { builtinParameters } from '../../compiler/elaborate/builtins/table.ts';
import type { Value } from '../../compiler/elaborate/value.ts';
import { pathTo } from '../../compiler/syntax/nodes.ts';
import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { type Declaration, declarationIn, declarationOf, preludeDeclaration } from '../declarations-of.ts';
import { parametersOf } from '../definition-of.ts';
import { costText, describeValues, signatureOf } from '../describe-value.ts';
import { offsetOf, rangeOf } from '../places.ts';
import { type Target, targetAt } from '../target.ts';
import { valuesOf, valuesOfName } from '../values-of.ts';

/** What an expression is: axes and sizes, values, what a function is for and what it takes. */
export const hover: Capability = {
  announces: { hoverProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onHover(({ textDocument, position }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        const target = analysis && targetAt(analysis, offsetOf(analysis, position));
        const value = target && hoverText(analysis, target);
        return value ? { contents: { kind: MarkupKind.Markdown, value }, range: rangeOf(target.span) } : null;
      }, null),
    );
  },
};

function hoverText(analysis: Analysis, target: Target): string | undefined {
  const values = targetValues(analysis, target);
  const declaration = declarationAt(analysis, target, values);
  const head = headOf(analysis, target, values, declaration);
  const result = resultOf(analysis, target);
  const shown = [head, result && `=> ${result}`].filter((line) => line !== undefined).join('\n');
  const parts = [
    shown === '' ? undefined : `\`\`\`tfm\n${shown}\n\`\`\``,
    declaration?.item.doc,
    costOf(analysis, values),
  ];
  const text = parts.filter((part) => part !== undefined).join('\n\n');
  return text === '' ? undefined : text;
}

function targetValues(analysis: Analysis, target: Target): readonly Value[] {
  switch (target.kind) {
    case 'declared':
      return valuesOfName(analysis, target.declared, target.span);
    case 'member':
      return valuesOf(analysis, target.member);
    case 'expression':
      return valuesOf(analysis, target.expr);
    case 'key':
      return valuesOf(analysis, target.value);
    default:
      return [];
  }
}

/** What the call gives whose callee the target is. */
function resultOf(analysis: Analysis, { span }: Target): string | undefined {
  const call = pathTo(analysis.inspection.tree, span.end).findLast((node) => node.kind === 'call');
  const isCallee = call !== undefined && call.callee.span.end === span.end;
  return isCallee ? describeValues(valuesOf(analysis, call)) : undefined;
}

/** The declaration at the top level of a file that a target stands for. */
function declarationAt(analysis: Analysis, target: Target, values: readonly Value[]): Declaration | undefined {
  const { tree } = analysis.inspection;
  if (target.kind === 'free') return preludeDeclaration(target.name);
  if (target.kind === 'declared' && target.declared.body === undefined)
    return declarationIn(tree, target.declared.name);
  const [value] = values;
  if (value?.kind === 'function') return declarationOf(value);
  return value?.kind === 'instance' ? declarationOf(value.fn) : undefined;
}

function headOf(
  analysis: Analysis,
  target: Target,
  values: readonly Value[],
  declaration: Declaration | undefined,
): string | undefined {
  const shown = describeValues(values);
  const isItself = target.kind === 'free' || values.some((value) => value.kind === 'function');
  if (declaration?.item.kind === 'fn' && (isItself || shown === undefined)) return signatureOf(declaration.item);
  if (target.kind === 'free') return builtinText(target.name);
  if (target.kind === 'argument') return parameterText(analysis, target) ?? builtinCallText(analysis, target);
  if (target.kind === 'expression') return shown;
  if (shown === undefined) return undefined;
  const { text } = target.span.source;
  const name = text.slice(target.span.start, target.span.end);
  return shown.includes('\n') ? `${name}:\n${shown}` : `${name}: ${shown}`;
}

function builtinText(name: string): string | undefined {
  const parameters = builtinParameters(name);
  return parameters && `${name}(${parameters.join(', ')})`;
}

/** The parameter as it is declared, with its default. */
function parameterText(analysis: Analysis, { call, name }: Extract<Target, { kind: 'argument' }>): string | undefined {
  const param = parametersOf(analysis, call).find((one) => parameterName(one) === name);
  return param?.span.source.text.slice(param.span.start, param.span.end);
}

function builtinCallText(analysis: Analysis, { call }: Extract<Target, { kind: 'argument' }>): string | undefined {
  const [callee] = valuesOf(analysis, call.callee);
  return callee?.kind === 'builtin' ? builtinText(callee.name) : undefined;
}

function costOf({ inspection }: Analysis, values: readonly Value[]): string | undefined {
  const [value] = values;
  const others = values.some((other) => other.kind !== value?.kind);
  if (others || value === undefined) return undefined;
  if (value.kind === 'function') return value.name === undefined ? undefined : costText(inspection.facts, value);
  return value.kind === 'instance' ? costText(inspection.facts, value.fn, value.place) : undefined;
}
