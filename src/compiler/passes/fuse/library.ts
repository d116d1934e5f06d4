import type { Axis, OpOf, ValueId } from '../../ir/graph.ts';
import type { Precision } from '../../ir/kernel.ts';
import type { LibraryUse } from '../../ir/matmul.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { matrixForms, matrixSizes } from '../../ops/matrix-form.ts';
import { isAligned, isWorthLibrary } from '../library/library-rule.ts';
import type { Needs } from './needs.ts';
import type { Scope } from './scope.ts';

/** That products may go to a library, and which. */
export interface LibraryMode {
  readonly use: LibraryUse;
  /** Of the program: its products multiply in this type. */
  readonly precision: Precision;
}

/** The needs when products go to a library where that pays: their results are stored, and nothing else is computed with them. */
export function withLibrary(scope: Scope, needs: Needs, mode: LibraryMode): Needs {
  const contracts = scope.blocks
    .filter(({ home }) => !home || scope.isLive(home))
    .flatMap(({ block }) => block.ops)
    .filter(
      (op): op is OpOf<'contract'> => op.kind === 'contract' && scope.isLive(op) && scope.classOf(op) === 'product',
    )
    .filter((op) => isLibraryProduct(scope, op, mode, (id) => isStored(scope, needs, id)))
    .map((op) => resultOf(op, 0).id);
  return {
    ...needs,
    library: new Set(contracts),
    required: new Set([...needs.required, ...contracts]),
    nodes: new Set([...needs.nodes, ...contracts]),
  };
}

/** Whether a library is worth a contraction, by its sizes alone. */
export function isLarge(
  op: OpOf<'contract'>,
  axesOf: (id: ValueId) => readonly Axis[],
  { use, precision }: LibraryMode,
): boolean {
  const sizes = op.attrs.terms.map((_, k) => matrixSizes(op, k, axesOf));
  return isWorthLibrary(sizes, precision, use);
}

/** Whether a library may compute a contraction, and is worth it. `isRead`: what is loaded from memory. */
export function isLibraryProduct(
  scope: Scope,
  op: OpOf<'contract'>,
  mode: LibraryMode,
  isRead: (id: ValueId) => boolean,
): boolean {
  if (!isLarge(op, scope.axes, mode)) return false;
  const result = resultOf(op, 0).id;
  const layoutOf = (id: ValueId): readonly Axis[] | undefined =>
    id === result || isRead(id) ? scope.axes(id) : undefined;
  const forms = matrixForms(op, { axesOf: scope.axes, opOf: scope.op, layoutOf });
  const isFine = (matrix: Parameters<typeof isAligned>[0]): boolean => isAligned(matrix, mode.precision);
  return forms?.every((form) => [form.left, form.right, form.result].every(isFine)) ?? false;
}

/** What a kernel that needs a value loads, as things are before anything is merged. */
function isStored(scope: Scope, needs: Needs, id: ValueId): boolean {
  const c = scope.classOfValue(id);
  return c === 'memory' || c === 'loop' || c === 'own' || needs.nodes.has(id) || needs.required.has(id);
}
