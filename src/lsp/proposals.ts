/** What may stand at a place of a tree. */

import { parameterName } from '../compiler/elaborate/arguments.ts';
import { ATTRIBUTE_NAMES } from '../compiler/elaborate/attributes.ts';
import { PREDEFINED_NAMES } from '../compiler/elaborate/builtins/table.ts';
import { bindingsSince } from '../compiler/elaborate/env.ts';
import { STANDARD_LIBRARY } from '../compiler/elaborate/library.ts';
import { trainKeys } from '../compiler/elaborate/train-block.ts';
import type { Value } from '../compiler/elaborate/value.ts';
import type { Attribute, Expr, TrainItem, Use } from '../compiler/syntax/ast.ts';
import { type Declared, visibleAt } from '../compiler/syntax/names.ts';
import { type Node, pathTo } from '../compiler/syntax/nodes.ts';
import type { Analysis } from './analysis.ts';
import { type Completed, STAND_IN } from './completed.ts';
import {
  type Declaration,
  declarationIn,
  exportedNames,
  fileOf,
  preludeDeclaration,
  preludeNames,
} from './declarations-of.ts';
import { modelOf, parametersOf } from './definition-of.ts';
import { describeValues, signatureOf } from './describe-value.ts';
import { valuesOf, valuesOfName } from './values-of.ts';

export interface Proposal {
  readonly label: string;
  readonly kind: 'name' | 'function' | 'axis' | 'weight' | 'key' | 'keyword' | 'module';
  readonly detail?: string | undefined;
  readonly doc?: string | undefined;
  /** What is written when it is not the label. */
  readonly insert?: string | undefined;
}

const EXPRESSION_WORDS = ['if', 'not', 'true', 'false', 'none', 'inf'];
const STATEMENT_WORDS = ['param', 'axis', 'for', 'if', 'return', 'weights', 'probe'];
const ITEM_WORDS = ['use', 'fn', 'model', 'train'];
const TRAIN_WORDS = ['weights', 'probe'];

export function proposalsAt({ analysis, offset }: Completed): readonly Proposal[] {
  const path = pathTo(analysis.inspection.tree, offset + 1);
  for (const [i, node] of [...path.entries()].reverse()) {
    const found = proposalsIn(analysis, node, path[i - 1], offset);
    if (found) return found.filter(({ label }) => label !== STAND_IN);
  }
  return [];
}

/** What may stand in place of the stand-in, if it is a part of `node`; `around` is the node around that. */
function proposalsIn(
  analysis: Analysis,
  node: Node,
  around: Node | undefined,
  offset: number,
): readonly Proposal[] | undefined {
  const names = () => namesAt(analysis, offset);
  switch (node.kind) {
    case 'use':
      return inUse(node);
    case 'member':
      return node.key.text === STAND_IN ? membersOf(valuesOf(analysis, node.object)) : undefined;
    case 'name':
      if (around?.kind === 'call' && around.args.some((arg) => arg.value === node && !arg.name)) {
        return [...argumentsOf(analysis, around), ...names(), ...words(EXPRESSION_WORDS)];
      }
      if (around?.kind === 'element') return axesFirst(names());
      return [...names(), ...words(EXPRESSION_WORDS)];
    case 'call':
      return node.args.some((arg) => arg.name?.text === STAND_IN) ? argumentsOf(analysis, node) : undefined;
    case 'axis-dim':
    case 'contract':
    case 'reshape':
    case 'at':
    case 'range':
      return names().filter(({ kind }) => kind === 'axis');
    case 'param':
    case 'rule':
      return isAttribute(node.attributes) ? attributes(node.attributes) : undefined;
    case 'train':
      return node.entries.some(bindsStandIn) ? [...keysOf(analysis, node), ...words(TRAIN_WORDS)] : undefined;
    case 'body':
    case 'for':
    case 'if':
      return [...names(), ...words(STATEMENT_WORDS)];
    case 'file':
      return words(ITEM_WORDS);
    default:
      return undefined;
  }
}

/** In brackets behind a tensor stands an axis, behind a list a number. */
function axesFirst(names: readonly Proposal[]): readonly Proposal[] {
  return [...names].sort((a, b) => Number(b.kind === 'axis') - Number(a.kind === 'axis'));
}

function words(list: readonly string[]): readonly Proposal[] {
  return list.map((label) => ({ label, kind: 'keyword' }));
}

function bindsStandIn(entry: TrainItem['entries'][number]): boolean {
  return entry.kind === 'binding' && entry.pattern.kind === 'name-pattern' && entry.pattern.name.text === STAND_IN;
}

function isAttribute(list: readonly Attribute[]): boolean {
  return list.some(({ name }) => name.text === STAND_IN);
}

function attributes(given: readonly Attribute[]): readonly Proposal[] {
  return ATTRIBUTE_NAMES.filter((name) => !given.some((other) => other.name.text === name)).map((label) => ({
    label,
    kind: 'key',
    insert: `${label} = `,
  }));
}

/** The keys of a train block that it does not have yet. */
function keysOf(analysis: Analysis, { model, entries }: TrainItem): readonly Proposal[] {
  const inputs = modelOf(analysis, model)?.lists.at(-1) ?? [];
  const axes = inputs.flatMap(({ type }) =>
    type === undefined || type === 'axis' ? [] : type.dims.flatMap((dim) => dim.name?.text ?? []),
  );
  const given = entries.flatMap((entry) =>
    entry.kind === 'binding' && entry.pattern.kind === 'name-pattern' ? [entry.pattern.name.text] : [],
  );
  return [...new Set(trainKeys(axes))]
    .filter((key) => !given.includes(key))
    .map((label) => ({ label, kind: 'key', insert: `${label} = ` }));
}

/** The parameters that the call does not give yet. */
function argumentsOf(analysis: Analysis, call: Extract<Expr, { kind: 'call' }>): readonly Proposal[] {
  const given = call.args.flatMap((arg) => arg.name?.text ?? []);
  const positional = call.args.filter((arg) => !arg.name).length - 1;
  return parametersOf(analysis, call)
    .slice(Math.max(0, positional))
    .flatMap((param): readonly Proposal[] => {
      const name = parameterName(param);
      if (name === undefined || given.includes(name)) return [];
      const detail = param.span.source.text.slice(param.span.start, param.span.end);
      return [{ label: name, kind: 'key', detail, insert: `${name} = ` }];
    });
}

/** The keys of records and the fields of instances. */
function membersOf(values: readonly Value[]): readonly Proposal[] {
  const found = new Map<string, Value[]>();
  const add = (key: string, value: Value): void => {
    found.set(key, [...(found.get(key) ?? []), value]);
  };
  for (const value of values) {
    if (value.kind === 'tuple') for (const item of value.items) if (item.key !== undefined) add(item.key, item.value);
    const [application] = value.kind === 'instance' ? value.applications : [];
    if (!application) continue;
    for (const { name, value: bound } of bindingsSince(application.env, application.base)) {
      const known = bound.kind === 'lazy' ? bound.known() : bound;
      if (known && !name.startsWith('..')) add(name, known);
    }
  }
  return [...found].map(([label, all]) => ({ label, kind: 'key', detail: describeValues(all) }));
}

function inUse(use: Use): readonly Proposal[] {
  const { module, names } = use;
  const modules = STANDARD_LIBRARY.modules().map((path) => path.split('.').slice(1).join('.'));
  const ofModule: readonly Proposal[] = modules.map((label) => ({ label, kind: 'module' }));
  if (module.kind === 'library' && module.path.length === 1 && names.length === 0)
    return [{ label: 'std', kind: 'module' }];
  const file = fileOf(use);
  const given = names.map(({ text }) => text);
  const exported = exportedNames(file).filter((name) => !given.includes(name));
  const proposals = exported.map((name) => declaredProposal(name, file && declarationIn(file, name)));
  const inPath = module.kind === 'library' && module.path.at(-1)?.text === STAND_IN;
  return inPath ? [...ofModule, ...proposals] : proposals;
}

/** Every name that means something at an offset. */
function namesAt(analysis: Analysis, offset: number): readonly Proposal[] {
  const visible = visibleAt(analysis.names, offset);
  const own = visible.map((declared) => ownProposal(analysis, declared));
  const taken = new Set(visible.map(({ name }) => name));
  const prelude = preludeNames().map((name) => declaredProposal(name, preludeDeclaration(name)));
  const builtins = PREDEFINED_NAMES.map((label): Proposal => ({ label, kind: 'function' }));
  return [...own, ...[...prelude, ...builtins].filter(({ label }) => !taken.has(label))];
}

const KINDS: { readonly [K in Declared['kind']]: Proposal['kind'] } = {
  import: 'function',
  function: 'function',
  model: 'function',
  value: 'name',
  parameter: 'name',
  axis: 'axis',
  weight: 'weight',
  variable: 'name',
  local: 'name',
};

function ownProposal(analysis: Analysis, declared: Declared): Proposal {
  if (declared.body === undefined) {
    return declaredProposal(declared.name, declarationIn(analysis.inspection.tree, declared.name));
  }
  const [binding] = declared.bindings;
  const values = binding ? valuesOfName(analysis, declared, binding) : [];
  const isAxis = values.length > 0 && values.every((value) => value.kind === 'axis');
  return { label: declared.name, kind: isAxis ? 'axis' : KINDS[declared.kind], detail: describeValues(values) };
}

function declaredProposal(label: string, declaration: Declaration | undefined): Proposal {
  if (!declaration) return { label, kind: 'name' };
  const { item } = declaration;
  if (item.kind === 'fn') return { label, kind: 'function', detail: signatureOf(item), doc: item.doc };
  return { label, kind: 'name', doc: item.doc };
}
