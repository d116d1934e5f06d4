/** What can be wrong with axes and the types of tensors. */
import { entry } from './entry.ts';
import { replaceWith } from './fixes.ts';

export interface Sides {
  readonly left: string;
  readonly leftAxes: string;
  readonly right: string;
  readonly rightAxes: string;
}

export const AXES = {
  'unknown-axis': entry<{ name: string; what: string | undefined; suggestion: string | undefined }>({
    severity: 'error',
    message: (p) => (p.what ? `\`${p.name}\` is ${p.what}, not an axis` : `there is no axis \`${p.name}\` here`),
    help: (p) =>
      p.suggestion
        ? `did you mean \`${p.suggestion}\`?`
        : `name it in the type of a parameter, as in \`x: [.., ${p.name}]\`, or declare it: \`axis ${p.name} = …\``,
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      'Axes are values that a body must know by name: from the type of a parameter, an `axis` statement, a parameter of ' +
      'type `axis`, or a rename such as `x[time -> key]`. The names that a caller uses mean nothing in the callee.',
  }),
  'axis-absent': entry<{ axis: string; text: string; axes: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` has no axis \`${p.axis}\`: it is ${p.axes}`,
    explain:
      'Axes are found by identity, not by name: an axis of equal name and size that was declared elsewhere is another.',
  }),
  'axis-twice': entry<{ axis: string; where: string }>({
    severity: 'error',
    message: (p) => `${p.where} would have the axis \`${p.axis}\` twice`,
    help: () => 'make a second axis of the same size with `axis other = …`, or rename one of them first',
    explain: 'A tensor never has one axis twice, since operators could not tell which one is meant.',
  }),
  'weight-axis-twice': entry<{ axis: string }>({
    severity: 'error',
    message: (p) => `the weight has the axis \`${p.axis}\` twice`,
    help: (p) => `add \`axis row = ${p.axis}\` and write \`row\` for one of them`,
    explain:
      'A square weight maps an axis to another one of equal size. `axis row = width` makes that other axis; `x[width -> row] @ w` applies the weight.',
  }),
  'axes-differ': entry<{ left: string; right: string; size: number; from: string; to: string }>({
    severity: 'error',
    message: (p) => `${p.left} and ${p.right} are both of size ${p.size} but different axes`,
    help: (p) => `if they mean the same, rename one: \`x[${p.from} -> ${p.to}]\``,
    explain:
      'Operators align axes by identity. Two axes that were declared at different places are different, even when their ' +
      'sizes or names agree, so that a mixed-up pair of axes is found while compiling.',
  }),
  'no-broadcast': entry<{ left: string; right: string; leftLacks: string; rightLacks: string }>({
    severity: 'error',
    message: (p) =>
      `the left side lacks ${p.leftLacks}, the right side lacks ${p.rightLacks}; nothing broadcasts both ways`,
    help: () => 'if the outer product is meant, write `a @[] b`',
    explain:
      'In a pointwise operation all axes of one side must be axes of the other, which is then repeated along the rest. ' +
      'Tensors that each have an axis that the other lacks would silently become larger than both.',
  }),
  'contract-ambiguous': entry<Sides & { shared: readonly string[] }>({
    severity: 'error',
    message: (p) =>
      `\`${p.left}\` and \`${p.right}\` share ${p.shared.join(', ')}: \`@\` cannot tell which to contract`,
    help: (p) => `write \`@[${p.shared.at(-1)}]\` to sum over ${p.shared.at(-1)} and keep the others, or name several`,
    explain:
      'A bare `@` contracts the one axis that both sides have. When there are several, name those to sum over; shared axes ' +
      'that are not named stay, as in a batched product.',
  }),
  'contract-nothing': entry<Sides & { rename: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.left}\` ${p.leftAxes} and \`${p.right}\` ${p.rightAxes} share no axis`,
    help: (p) =>
      p.rename ? `rename first: \`${p.rename}\`; \`@[]\` is the outer product` : '`@[]` is the outer product',
    explain:
      'A bare `@` contracts the one axis that both sides have. Axes are the same by identity, not by name or size.',
  }),
  'type-mismatch': entry<{ what: string; axes: string; pattern: string }>({
    severity: 'error',
    message: (p) => `${p.what} is ${p.axes}, which does not fit ${p.pattern}`,
    explain:
      'A type such as `[.., c]` names axes by position, from both ends around `..`, which stands for any number. Names that ' +
      'are axes already are found wherever they stand.',
  }),
  'type-lacks-axis': entry<{ what: string; axes: string; lacks: string; name: string; twin: string | undefined }>({
    severity: 'error',
    message: (p) => `${p.what} is ${p.axes} and lacks ${p.lacks}`,
    help: (p) => (p.twin ? `if \`${p.twin}\` is meant, rename it: \`x[${p.twin} -> ${p.name}]\`` : undefined),
    explain: 'The name stands for an axis that is known already, so the tensor must have that very axis.',
  }),
  'two-rows': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a type can have one `..` that is not bound yet',
    explain: '`..` takes all axes that the names leave over. Two of them could share those in many ways.',
  }),
  'no-row': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`..` stands for no axes here',
    help: () => 'give a parameter a type with `..`, such as `x: [.., c]`',
    explain: '`..` stands for the axes that a `..` in the types of the parameters of the same body took.',
  }),
  'name-not-axis': entry<{ name: string; what: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is ${p.what} in this body and cannot name an axis as well`,
    help: () => 'choose another name for the axis',
    explain: 'An axis and a value of one body cannot share a name: a reader could not tell which of them is meant.',
  }),
  'name-taken': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is bound already in this body`,
    help: () => 'choose another name',
    explain: 'Axes and weights are bound once in a body. Other names may be bound again, which gives them a new value.',
  }),
  'reshape-many': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'a reshape splits one axis or makes one axis, not many of many',
    help: () => 'merge first, then split: `x[a * b -> c][c -> d * e]`',
    explain: '`x[a -> b]` renames, `x[a -> b * c]` splits, `x[a * b -> c]` merges, each in row-major order.',
  }),
  'reshape-size': entry<{ from: string; fromSize: number; to: string; toSize: number }>({
    severity: 'error',
    message: (p) => `${p.from} has ${p.fromSize} elements, which do not become ${p.to} of ${p.toSize}`,
    explain: 'A reshape keeps all elements: the sizes on both sides of the arrow must have the same product.',
  }),
  'split-unknown': entry<{ names: readonly string[] }>({
    severity: 'error',
    message: (p) => `the sizes of ${p.names.join(' and ')} are not known`,
    help: (p) => `declare all but one: \`axis ${p.names[0]} = …\``,
    explain: 'In a split the size of one new axis follows from the others.',
  }),
  'slice-empty': entry<{ axis: string; from: number; to: number }>({
    severity: 'error',
    message: (p) => `the range ${p.from}..${p.to} of \`${p.axis}\` is empty`,
    explain: 'Ranges hold both ends. Axes have at least one element.',
  }),
  'position-out-of-range': entry<{ axis: string; size: number; value: number }>({
    severity: 'error',
    message: (p) => `position ${p.value} is outside of \`${p.axis}\`, whose positions are 0..${p.size - 1}`,
    explain: 'Positions in tensors count from 0, like token ids and times. Lists and layers count from 1.',
  }),
  'gather-own-axis': entry<{ axis: string; text: string }>({
    severity: 'error',
    message: (p) => `the positions \`${p.text}\` have the axis \`${p.axis}\` that they index`,
    help: (p) => `rename it in the positions: \`[${p.axis} -> other]\``,
    explain: 'In `x[a = ids]` the axes of `ids` take the place of `a`, so `ids` cannot have `a` itself.',
  }),
  'stack-size': entry<{ axis: string; size: number; count: number }>({
    severity: 'error',
    message: (p) => `a list of ${p.count} does not fill the axis \`${p.axis}\` of size ${p.size}`,
    help: () => 'declare the axis from the list: `axis a = len(list)`',
    explain: '`stack(list, a)` puts the tensors of the list along the axis `a`, one for each position.',
  }),
  'stack-types': entry<{ first: string; other: string }>({
    severity: 'error',
    message: (p) => `tensors of different types cannot be stacked: ${p.first} and ${p.other}`,
    explain: 'All tensors of a stack have the same axes and the same kind of elements.',
  }),
  'targets-axes': entry<{ targets: string; positions: string }>({
    severity: 'error',
    message: (p) => `the targets are ${p.targets}, the logits have the positions ${p.positions}`,
    explain: 'There is one target for each position of the logits, so its axes are those of the logits without `over`.',
  }),
  'attend-key-axes': entry<{ axes: string }>({
    severity: 'error',
    message: (p) => `k has the axes ${p.axes}, which q lacks`,
    help: () => 'the query may have more axes than the key (grouped queries), not fewer',
    explain: 'Each query position sees one sequence of keys, so all axes of k must be axes of q.',
  }),
  'attend-block-type': entry<{ name: 'mask' | 'score'; wanted: string; found: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` must give ${p.wanted} or fewer of these axes, and gives ${p.found}`,
    explain:
      '`mask(i, j)` tells whether position i sees position j, `score(s, i, j)` gives a score in place of s. Both may use only ' +
      'the axes of the scores: those of q without `on`, and the key.',
  }),
  'index-without-axes': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`index` needs an axis',
    help: () => 'write `index(time)`',
    explain: '`index(a)` is the position along `a`, counted from 0; over several axes it counts row-major.',
  }),
  'over-missing': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` needs \`over\``,
    help: (p) => `write \`${p.name}(x, over = axis)\``,
    explain: 'A softmax keeps the type of its operand, so nothing else would show over which axis it is taken.',
  }),
  'extreme-of-two-over': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` of two values is pointwise and takes no \`over\``,
    explain:
      '`max(a, b)` is the larger of each pair of elements, `max(x, over = a)` the largest element along an axis.',
  }),
  'tensor-element': entry<{ text: string; axis: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is a tensor: an element is picked along an axis by name`,
    help: (p) => `write \`${p.text}[${p.axis} = 0]\``,
    explain:
      '`list[i]` is for lists. The order of the axes of a tensor has no meaning, so an index needs the name of its axis.',
  }),
  'wrong-element-kind': entry<{ text: string; kind: string; wanted: readonly string[] }>({
    severity: 'error',
    message: (p) => `\`${p.text.replaceAll('`', '')}\` is ${p.kind} where ${p.wanted.join(' or ')} is wanted`,
    help: (p) => (p.wanted.includes('float') && p.kind !== 'float' ? 'convert with `float(…)`' : undefined),
    explain:
      'Tensors hold float, int or bool elements. Positions and token ids are int and take part in float arithmetic only ' +
      'through `float(…)`; truth values come from comparisons and go into `where`, `and`, `or`, `not`.',
  }),
  'kinds-differ': entry<{ left: string; leftKind: string; right: string; rightKind: string }>({
    severity: 'error',
    message: (p) =>
      `\`${p.left}\` is ${p.leftKind} and ${p.right.includes(' ') ? p.right : `\`${p.right}\``} is ${p.rightKind}`,
    help: () => 'convert one of them with `float(…)`',
    explain: 'Both sides of an operator have elements of one kind.',
  }),
};
