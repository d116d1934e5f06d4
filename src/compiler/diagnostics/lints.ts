/** Warnings about programs that mean something, and most likely not what was meant. */
import { entry } from './entry.ts';
import { replaceWith } from './fixes.ts';

export const LINTS = {
  'scale-before-norm': entry<Record<never, never>>({
    severity: 'warning',
    message: () => 'this constant scale has no effect: everything that reads it is normalised first',
    help: () => 'scale what the norm gives, `N(x) / sqrt(l)`, or drop the scale',
    explain:
      'A norm divides by the size of what it reads, so a positive constant in front of it cancels, up to the eps of the norm. ' +
      'In LayerNorm Scaling (Sun et al. 2025, arXiv 2502.05795, Table 8) the scale before the norm ends near the baseline without ' +
      'any; the scale after the norm is the method.',
  }),
  'scale-after-sum': entry<{ first: string; last: string }>({
    severity: 'warning',
    message: (p) =>
      `the residual sum itself is scaled by layer, from ${p.first} to ${p.last}, so the stream of every earlier layer fades or grows`,
    help: () => 'scale the branch or its norm, `x + f(N(x) / sqrt(l))`, and leave the stream alone',
    explain:
      'A factor that depends on the layer and stands on the residual sum multiplies up over depth: with 1 / sqrt(l) the embedding ' +
      'reaches the head times 1 / sqrt(L!). Sun et al. 2025, arXiv 2502.05795, Table 8, tried this place (after the residual); it diverged.',
  }),
  'missing-warm-up': entry<{ start: number; peak: number }>({
    severity: 'warning',
    message: (p) =>
      `the residual sum is normalised, and the learning rate begins at ${p.start} of a peak of ${p.peak}, without a warm-up`,
    help: () => 'multiply the learning rate by `warmup(n)`, or normalise the branch: `x + f(N(x))`',
    explain:
      'With the norm on the sum, `N(x + f(x))`, gradients near the output are large at the start, and training without a warm-up is ' +
      'unstable: Xiong et al. 2020, arXiv 2002.04745, sec. 3. A schedule counts as a warm-up when it begins below half of its peak.',
  }),
  'unnormalised-end': entry<Record<never, never>>({
    severity: 'warning',
    message: () => 'the branches of this stream read it through a norm, and what follows the loop reads it without one',
    help: () => 'end with a norm: `final = N(x)`, or `leave = (x, N) => N(x)` in the scheme',
    explain:
      'A stream that branches are added to grows with depth, so the models that normalise only what branches read have a last norm ' +
      'before the head: Xiong et al. 2020, arXiv 2002.04745, fig. 1b.',
  }),
  'norm-cancels-scale': entry<Record<never, never>>({
    severity: 'warning',
    message: () =>
      'queries and keys are normalised behind this scale, which cancels it there: it reaches the values of attention only',
    help: () =>
      'if that is meant, say so with an allowance; else drop the norm of queries and keys, or scale the scores by `1 / l`',
    explain:
      'A scale s on what attention reads multiplies queries, keys and values by s, and so the scores by s^2. A norm on queries and keys ' +
      'takes the scale off both: what is left of LayerNorm Scaling (Sun et al. 2025, arXiv 2502.05795, eq. 12) in attention is the scale of the values.',
  }),
  'scaled-init': entry<{ weight: string; std: number; other: number; depth: number; why: string }>({
    severity: 'warning',
    message: (p) =>
      `\`${p.weight}\` begins with deviation ${p.std}, which is ${p.other} shrunk for a depth of ${p.depth}, and the scheme asks for a plain init`,
    help: (p) => `leave the init as it is declared (${p.why})`,
    explain:
      'Some schemes scale branches down by themselves, and say with `advice = (plain_init = …)` that matrices are to begin without the factor ' +
      '1 / sqrt(2 L) of GPT-2. For LayerNorm Scaling both together are worse than LNS alone: Sun et al. 2025, arXiv 2502.05795, Table 6.',
  }),
  'depth-constant': entry<{ value: number; fits: number; depth: number; wanted: number; source: string }>({
    severity: 'warning',
    message: (p) => `the factor ${p.value} of the stream is the one for ${p.fits} layers, and the model has ${p.depth}`,
    help: (p) => `for ${p.depth} layers it is ${p.wanted} (${p.source}); write it in terms of \`L\``,
    explain:
      'Schemes such as DeepNorm (Wang et al. 2022, arXiv 2203.00555, fig. 2) have constants that follow from the depth. One that was copied from a ' +
      'model of another depth trains a different scheme. The formulas are what schemes of the library declare with `advice = (residual = …)`.',
  }),
  'batch-dependent': entry<Record<never, never>>({
    severity: 'warning',
    message: () => 'this value of one sequence depends on the other sequences of its batch',
    help: () => 'reduce over `time` or channels only, or decide by a fixed threshold, as sampling has to',
    explain:
      'A reduction over the batch goes into values that each sequence has: a gate by the best of a batch, or a batch norm. Training then ' +
      'depends on what is drawn together and on the size of a micro-batch, and sampling, which has one sequence, computes something else.',
  }),
  'split-batch-mean': entry<{ parts: number }>({
    severity: 'warning',
    message: (p) =>
      `a step has ${p.parts} micro-batches, and this is not linear in what was reduced over the batch, so it is not that of the whole batch`,
    help: () => 'set `micro` to the whole batch, or use a term that is a mean over sequences',
    explain:
      'Gradients of micro-batches are added up, which is exact for losses that are means over sequences. A term such as the product of two means, as ' +
      'in the balance loss of mixtures of experts, is computed for each micro-batch by itself, and depends on its size.',
  }),
  'axis-order': entry<{ left: string; right: string }>({
    severity: 'warning',
    message: (p) =>
      `both sides have the same axes in another order, ${p.left} and ${p.right}; the result has that of the left`,
    help: () => 'bring both into one order, so that what stands last is what you expect',
    explain:
      'Axes are matched by identity, so the numbers are right whatever the order. But a pattern such as `x: [.., c]` binds by place, and would take ' +
      'another axis after the two sides were swapped. The warning stands where a reduction over the last axis follows.',
  }),
  'unused-import': entry<{ name: string }>({
    severity: 'warning',
    message: (p) => `\`${p.name}\` is brought in and never used`,
    help: () => 'remove it from the `use`',
    explain: 'Nothing in the file mentions the name that the `use` brings in.',
  }),
  'unused-binding': entry<{ name: string }>({
    severity: 'warning',
    message: (p) => `\`${p.name}\` is bound and never used`,
    help: () => 'remove it, or begin its name with `_`',
    fixes: (p, span) => replaceWith(`_${p.name}`, span),
    explain:
      'Nothing in the files of the program mentions the name, neither by itself nor as a field or in a probe. What a model binds ' +
      'outside its loops, and declarations at the top level, may be read by probes, commands and `--set`, and are not asked for.',
  }),
  'future-undecided': entry<{ what: string; path: readonly string[]; text: string }>({
    severity: 'warning',
    message: (p) =>
      `it cannot be told whether \`${p.what}\` at a position depends on tokens after it: ${[...p.path, p.text].join(' <- ')}`,
    help: () =>
      'if it does not, say so with `// allow: future-undecided`; if it may, with `causal = false` in the train block',
    explain:
      'The target of a position is the token that comes next, so a prediction must not depend on later tokens. The compiler understands ' +
      'masks and zeros that follow from comparisons of positions up to a constant; a mask that reads data, or positions that are ' +
      'computed from data, may hide the future or not.',
  }),
  'unused-weight': entry<{ name: string }>({
    severity: 'warning',
    message: (p) => `the weight \`${p.name}\` is declared and no value uses it`,
    help: () => 'remove the `param`',
    explain: 'The weight takes memory and checkpoints hold it, and nothing that the model computes depends on it.',
  }),
  'unused-probe': entry<{ name: string; fn: string }>({
    severity: 'warning',
    message: (p) => `nothing looks at the probe \`${p.name}\`: \`${p.fn}\`, in which it stands, is never used`,
    help: (p) => `use \`${p.fn}\`, or remove the probe`,
    explain:
      'A probe is looked at where its body is evaluated. No file of the program mentions the function that this one stands in, so no ' +
      'metrics will have it.',
  }),
  'padded-axis': entry<{ name: string; size: number; group: number; whole: number }>({
    severity: 'warning',
    message: (p) => `\`${p.name}\` has ${p.size} elements, and kernels compute its products for ${p.group}`,
    help: (p) =>
      `take ${p.group}${p.whole === p.group ? '' : `, or ${p.whole}, which fits every tile`}; a vocabulary may be larger than what the tokens use`,
    explain:
      'Kernels compute products by tiles and load four elements at a time. A size of a weight that is no multiple of 4 is padded in every ' +
      'product: the elements behind its end are computed and dropped, and rows do not begin where a wide load can. Asked of axes from 64 ' +
      'elements on.',
  }),
  'unknown-allowance': entry<{ name: string; suggestion: string | undefined }>({
    severity: 'warning',
    message: (p) => `there is no lint \`${p.name}\` to allow`,
    help: (p) => (p.suggestion ? `did you mean \`${p.suggestion}\`?` : undefined),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      '`// allow: NAME` at the end of a line, or alone on the line above it, silences one lint there. `tfm explain` lists the names.',
  }),
  'idle-allowance': entry<{ name: string }>({
    severity: 'warning',
    message: (p) => `this silences nothing: there is no \`${p.name}\` on the line`,
    help: () => 'remove the allowance',
    explain:
      'An allowance holds for its own line, or for the line below when it stands alone. Without a finding there it would hide the next one.',
  }),
};
