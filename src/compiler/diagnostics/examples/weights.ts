import { type ExamplesOf, inBody } from '../example.ts';
import type { WEIGHTS } from '../language-weights.ts';

export const WEIGHTS_EXAMPLES: ExamplesOf<typeof WEIGHTS> = {
  'weight-two-shapes': inBody(
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\nloss = sum(n(v)) + sum(n(t))',
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\nm = RMSNorm()\nloss = sum(n(v)) + sum(m(t))',
  ),
  'weight-name-clash': inBody(
    'use std.{RMSNorm}\nfn Part()(x: [.., c]) = RMSNorm()(x)\n// in the model\nx = v\nfor f in (attn = Part(),) { x = f(RMSNorm()(x)) }\nloss = sum(x)',
    'use std.{RMSNorm}\nfn Part()(x: [.., c]) = RMSNorm()(x)\n// in the model\nx = v\nfor f in (attn = Part(),) {\n  norm = RMSNorm()\n  x = f(norm(x))\n}\nloss = sum(x)',
  ),
  'training-changes-weights': inBody(
    'x = v\nif training {\n  param s: [] ~ 1\n  x = s * x\n}\nloss = sum(x)',
    'param s: [] ~ 1\nx = if training then s * v else v\nloss = sum(x)',
  ),
  'training-changes-loops': inBody(
    'x = v\nfor layer in 1..8 {\n  param s: [] ~ 1\n  last = if training then 2 else 4\n  x = if layer <= last then s * x else x + s\n}\nloss = sum(x)',
    'x = v\nfor layer in 1..8 {\n  param s: [] ~ 1\n  x = if layer <= 2 then s * x else x + s\n}\nloss = sum(x)',
  ),
  'no-fans': inBody(
    'param a: [width, other] ~ xavier(1)\nloss = sum(v @ a)',
    'param a: [width -> other] ~ xavier(1)\nloss = sum(v @ a)',
  ),
  'unknown-attribute': inBody(
    'param a: [width] ~ 1 { dcay = 0 }\nloss = sum(a)',
    'param a: [width] ~ 1 { decay = 0 }\nloss = sum(a)',
  ),
  'weight-function-type': inBody(
    'param a: [width, other] ~ 1\nloss = sum(a)\nweights a { after = x => sum(x, over = other) }',
    'param a: [width, other] ~ 1\nloss = sum(a)\nweights a { after = x => x / sum(x, over = other) }',
  ),
  'weight-function-captures': inBody(
    'param a: [width] ~ 1\nloss = sum(a)\nweights a { via = x => x + v }',
    'param a: [width] ~ 1\nloss = sum(a)\nweights a { via = x => 2 * x }',
  ),
  'after-has-weights': inBody(
    'use std.{RMSNorm}\n// in the model\nparam a: [width] ~ 1\nloss = sum(a)\nweights a { after = x => RMSNorm()(x) }',
    'use std.{RMSNorm}\n// in the model\nparam a: [width] ~ 1\nloss = sum(a)\nweights a { via = x => RMSNorm()(x) }',
  ),
  'rule-selects-nothing': inBody(
    'param gain: [width] ~ 1\nloss = sum(gain)\nweights **.gian { freeze = true }',
    'param gain: [width] ~ 1\nloss = sum(gain)\nweights **.gain { freeze = true }',
  ),
  'rule-on-function': inBody(
    'use std.{RMSNorm}\n// in the model\nN = x => RMSNorm()(x)\nloss = sum(N(v))\nweights N.gain { freeze = true }',
    'use std.{RMSNorm}\n// in the model\nN = RMSNorm()\nloss = sum(N(v))\nweights N.gain { freeze = true }',
  ),
};
