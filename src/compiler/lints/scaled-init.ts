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

/** A matrix of the loop with the deviation of the others over sqrt(L) or sqrt(2 L), or over the root of its own layer's number. */
function shrunk(graph: Graph) {
  const depth = depthOf(graph);
  const matrices = graph.weights
    .filter((weight) => weight.stacked && weight.axes.length > 1)
    .flatMap((weight) => weight.members.map(({ init, name }, i) => ({ init, name, layer: i + 1, span: weight.span })));
  const normal = matrices.flatMap((m) => (m.init.kind === 'normal' ? [{ ...m, std: m.init.std }] : []));
  const other = Math.max(0, ...normal.map((m) => m.std));
  const found = normal.find(({ std, layer }) =>
    [depth, 2 * depth, layer, 2 * layer].some((n) => n > 1 && Math.abs((std * Math.sqrt(n)) / other - 1) < NEAR),
  );
  return found && { weight: found.name, std: found.std, other, depth, span: found.span };
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
