import type { Graph } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import type { File, Rule, Statement } from '../syntax/ast.ts';
import { type Lint, shown, warning } from './lint.ts';
import { depthOf } from './residual-stream.ts';

/** How near a deviation must be to the one that a depth explains. */
const NEAR = 1e-3;

export const scaledInit: Lint = {
  name: 'scaled-init',
  summary: 'matrices that begin smaller by depth under a scheme that asks for a plain init',
  run: ({ graph, files, advice }) => {
    const why = advice.used.map((one) => one.text('plain_init')).find((text) => text !== undefined);
    const found = why === undefined ? undefined : shrunk(graph);
    if (!found || why === undefined) return [];
    const span = initRule(files) ?? found.span;
    const { weight, std, other, depth } = found;
    return [warning('scaled-init', { weight, std: shown(std), other: shown(other), depth, why }, { span })];
  },
};

/** Which number of layers the deviation is divided by the root of, for layer l of L. */
const BY_DEPTH: readonly ((l: number, L: number) => number)[] = [(_, L) => L, (_, L) => 2 * L, (l) => l, (l) => 2 * l];

/** A weight of the loop whose matrices all have the largest deviation of the loop over one of those roots. */
function shrunk(graph: Graph) {
  const depth = depthOf(graph);
  const weights = graph.weights
    .filter((weight) => weight.stacked && weight.axes.length > 1 && depth > 1)
    .map(({ members, span }) => ({
      span,
      members: members.flatMap(({ name, init }) => (init.kind === 'normal' ? [{ name, std: init.std }] : [])),
    }));
  const other = Math.max(0, ...weights.flatMap(({ members }) => members.map(({ std }) => std)));
  for (const { members, span } of weights) {
    const last = members.at(-1);
    const by = BY_DEPTH.find((n) =>
      members.every(({ std }, i) => Math.abs((std * Math.sqrt(n(i + 1, depth))) / other - 1) < NEAR),
    );
    if (last && by && last.std < other * (1 - NEAR)) return { weight: last.name, std: last.std, other, depth, span };
  }
  return undefined;
}

/** The first rule of a file that sets an init: what shrinks a matrix is no part of the library's blocks. */
function initRule(files: readonly File[]): Span | undefined {
  const rules = files.flatMap((file) =>
    file.items.flatMap((item): readonly (Rule | undefined)[] => {
      if (item.kind === 'train') return item.entries.map((entry) => (entry.kind === 'rule' ? entry : undefined));
      return item.kind === 'fn' ? item.body.statements.flatMap(rulesIn) : [];
    }),
  );
  return rules.find((rule) => rule?.attributes.some((attribute) => attribute.name.text === 'init'))?.span;
}

function rulesIn(statement: Statement): readonly Rule[] {
  if (statement.kind === 'rule') return [statement];
  if (statement.kind === 'for') return statement.body.flatMap(rulesIn);
  return statement.kind === 'if' ? [...statement.whenTrue, ...statement.whenFalse].flatMap(rulesIn) : [];
}
