import type { Block, Op, OpName, Value, ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';

/** Whether an element of the result is made of one element of each operand. */
const ELEMENTWISE: { readonly [K in OpName]: boolean } = {
  input: false,
  weight: false,
  constant: false,
  index: false,
  random: false,
  runtime: false,
  unary: true,
  binary: true,
  where: true,
  cast: true,
  expand: true,
  rename: true,
  split: true,
  merge: true,
  permute: true,
  slice: true,
  pad: true,
  pick: true,
  stack: true,
  sum: false,
  max: false,
  argmax: false,
  contract: false,
  gather: false,
  scatter_add: false,
  put: false,
  recur: false,
  stop_gradient: true,
  step_total: false,
  attend: false,
  attend_backward_query: false,
  attend_backward_key: false,
  loop: false,
};

const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>([
  'contract',
  'attend',
  'attend_backward_query',
  'attend_backward_key',
]);

/**
 * The residual streams of a block: stored values of one size that are made of each other in a row, one element of one element,
 * whatever is added on the way. What is made of a link and has a link made of it belongs to the stream; so does what it begins with,
 * unless that is of products alone, as the first gradient is. What branches make between two products is no such row: it has two links.
 *
 * @param stored What lies in memory of its own.
 */
export function findStreams(block: Block, stored: ReadonlySet<ValueId>): ReadonlySet<ValueId> {
  const ops = new Map<ValueId, Op>();
  const values: Value[] = [...block.params];
  for (const op of block.ops) {
    for (const { id } of op.results) ops.set(id, op);
    values.push(...op.results);
  }
  const sizes = new Map(values.map(({ id, type }) => [id, elementsOf(type.axes)]));
  const floats = values.filter(({ id, type }) => stored.has(id) && type.kind === 'float');
  const origins = floats.map(({ id }) => originOf(id, ops, sizes, stored));
  // How many links a row has that ends at a value, and that begins with it.
  const up = new Map<ValueId, number>();
  for (const { id, links } of origins) up.set(id, 1 + Math.max(0, ...links.map((link) => up.get(link) ?? 0)));
  const down = new Map<ValueId, number>(floats.map(({ id }) => [id, 1]));
  for (const { id, links } of origins.toReversed())
    for (const link of links) down.set(link, Math.max(down.get(link) ?? 1, 1 + (down.get(id) ?? 1)));
  const isInStream = ({ id, begins }: Origin): boolean => {
    const [above, below] = [up.get(id) ?? 1, down.get(id) ?? 1];
    return above > 1 ? below > 1 : below > 2 && begins;
  };
  return new Set(origins.filter(isInStream).map(({ id }) => id));
}

interface Origin {
  readonly id: ValueId;
  /** The stored values of its size that a value is made of element by element. */
  readonly links: readonly ValueId[];
  /** Whether something of its size goes into it that is neither stored nor a product, such as an embedding. */
  readonly begins: boolean;
}

function originOf(
  id: ValueId,
  ops: ReadonlyMap<ValueId, Op>,
  sizes: ReadonlyMap<ValueId, number>,
  stored: ReadonlySet<ValueId>,
): Origin {
  const links = new Set<ValueId>();
  const seen = new Set<ValueId>();
  let begins = false;
  const isWhole = (of: ValueId): boolean => sizes.get(of) === sizes.get(id);
  const visit = (of: ValueId): void => {
    const op = ops.get(of);
    if (!op) return;
    if (!ELEMENTWISE[op.kind]) {
      begins ||= !PRODUCTS.has(op.kind) && isWhole(of);
      return;
    }
    for (const operand of op.operands) {
      if (seen.has(operand)) continue;
      seen.add(operand);
      if (!stored.has(operand)) visit(operand);
      else if (isWhole(operand)) links.add(operand);
    }
  };
  visit(id);
  return { id, links: [...links], begins };
}
