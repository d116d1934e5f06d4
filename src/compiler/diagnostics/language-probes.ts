/** What can be wrong with probes, and with the paths and gradients that they look at. */
import { entry } from './entry.ts';
import { replaceWith } from './fixes.ts';

export const PROBES = {
  'probe-not-scalar': entry<{ name: string; axes: string | undefined }>({
    severity: 'error',
    message: (p) => `the probe \`${p.name}\` is ${p.axes === undefined ? 'not a tensor' : `a tensor with ${p.axes}`}`,
    help: () => 'reduce it, for example with `mean(…)`',
    explain: 'A probe is one number for each iteration of the loops around it.',
  }),
  'probe-in-weight-function': entry<{ attribute: string }>({
    severity: 'error',
    message: (p) => `a probe stands in the function of \`${p.attribute}\``,
    help: () => 'write the `probe` where the weight is used; what it sees there is what `via` gives',
    explain:
      '`after` runs beside the model, and `via` once for a weight however often it is used, so neither is where a probe looks. ' +
      'In the body that uses the weight, its name means what `via` makes of it.',
  }),
  'path-not-here': entry<{ path: string }>({
    severity: 'error',
    message: (p) => `\`${p.path}\` is a path, which only probes in a train block or in the body of a model may read`,
    help: () => 'write the `probe` there, outside of loops and functions; here use names and fields',
    explain:
      'A path such as `layer.*.x` names values of all iterations at once, when all of them are there. Statements compute with ' +
      'names, and with the fields of records and instances. A probe in a loop has a value for each iteration by itself.',
  }),
  'path-names-nothing': entry<{ path: string; what: 'value' | 'weight'; suggestion: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.path}\` names no ${p.what}`,
    help: (p) => (p.suggestion ? `did you mean \`${p.suggestion}\`?` : 'tfm params lists the names of weights'),
    fixes: (p, span) => replaceWith(p.suggestion, span),
    explain:
      'Values have paths as weights have: bindings and fields behind the instances, record keys and iterations that they belong ' +
      'to. `layer.3.x` is what x is at the end of iteration 3, and `*` stands for one part.',
  }),
  'path-ambiguous': entry<{ path: string }>({
    severity: 'error',
    message: (p) => `\`${p.path}\` names two values`,
    help: () => 'bind one of them to another name',
    explain:
      'Calls of functions that are not bound to a name add nothing to paths, so two of them may bind the same name. Of bodies ' +
      'within each other the outer one is meant.',
  }),
  'stars-differ': entry<{ first: string; second: string }>({
    severity: 'error',
    message: (p) => `the stars of \`${p.first}\` and \`${p.second}\` stand for different things`,
    help: () => 'write a probe for each',
    explain: 'The stars of a probe go together: it has one value for each thing that all of them stand for.',
  }),
  'gradient-not-here': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'only probes look at gradients',
    help: () => 'write `probe NAME = norm(grad(WEIGHT))`',
    explain: 'Gradients are made from the loss, so nothing that the loss is made of can use them.',
  }),
  'gradient-of-value': entry<{ text: string }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is no weight`,
    help: () => 'give `grad` a weight by its name or path, before anything is done to it',
    explain: '`grad` gives the gradient of the loss by a weight. Those of other values are not kept.',
  }),
  'gradient-of-frozen': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `\`${p.name}\` is frozen, so it has no gradient`,
    help: () => 'look at weights that train',
    explain: 'Frozen weights take no part in the backward pass.',
  }),
};
