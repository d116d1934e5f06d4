import { type ExamplesOf, inBody } from '../example.ts';
import type { PROBES } from '../language-probes.ts';

const LAYERS = 'x = v\nfor layer in 1..4 {\n  param a: [width] ~ 1\n  x = a * x\n}\nloss = sum(x)\n';

export const PROBES_EXAMPLES: ExamplesOf<typeof PROBES> = {
  'probe-not-scalar': inBody('probe size = v', 'probe size = norm(v)'),
  'probe-in-weight-function': inBody(
    'param a: [width] ~ 1\nloss = sum(a)\nweights a {\n  via = x => {\n    probe size = norm(x)\n    return 2 * x\n  }\n}',
    'param a: [width] ~ 1\nloss = sum(a)\nprobe size = norm(a)\nweights a { via = x => 2 * x }',
  ),
  'path-not-here': inBody(`${LAYERS}y = norm(layer.2.x)`, `${LAYERS}probe size = norm(layer.2.x)`),
  'path-names-nothing': inBody(`${LAYERS}probe size = norm(layer.*.y)`, `${LAYERS}probe size = norm(layer.*.x)`),
  'path-ambiguous': inBody(
    'fn part(x) {\n  half = x / 2\n  return half + 1\n}\n// in the model\nx = v\nfor layer in 1..4 { x = part(x) + part(2 * x) }\nprobe size = norm(layer.*.half)',
    'fn part(x) {\n  half = x / 2\n  return half + 1\n}\n// in the model\nx = v\nfor layer in 1..4 { x = part(x) + part(2 * x) }\nprobe size = norm(layer.*.x)',
  ),
  'stars-differ': inBody(
    `${LAYERS}for turn in 1..3 { y = turn * x }\nprobe size = norm(layer.*.x) / norm(turn.*.y)`,
    `${LAYERS}for turn in 1..3 { y = turn * x }\nprobe size = norm(layer.*.x)\nprobe other = norm(turn.*.y)`,
  ),
  'gradient-not-here': inBody('param a: [] ~ 1\nloss = a\ny = grad(a)', 'param a: [] ~ 1\nloss = a\nprobe y = grad(a)'),
  'gradient-of-value': inBody(`${LAYERS}probe size = norm(grad(x))`, `${LAYERS}probe size = norm(grad(layer.*.a))`),
  'gradient-of-frozen': inBody(
    `${LAYERS}weights layer.1.a { freeze = true }\nprobe size = norm(grad(layer.*.a))`,
    `${LAYERS}weights layer.1.a { freeze = true }\nprobe size = norm(grad(layer.2.a))`,
  ),
};
