/** `tfm grad --device reference`: what `grad.ts` computes on a device, by the float64 interpreter of the unfused graph. */
import { interpret } from '../backends/reference/interpret.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import type { Graph, Weight, WeightId } from '../compiler/ir/graph.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { present } from '../compiler/support/invariant.ts';
import { matchWeights, type NameMap } from './match-weights.ts';
import type { FileBatch } from './read-batch.ts';
import { type AdamWeight, adamStep, norm } from './reference-adam.ts';
import type { Tensor, TensorFile } from './safetensors.ts';
import { evaluateSchedule } from './schedule.ts';
import { floatTensor, numbersOf } from './tensor-values.ts';

export interface ReferenceJob {
  /** Computes `loss` and `grad.ID` of each trained weight for the whole batch. */
  readonly micro: Graph;
  /** Computes `logits` of one sequence; undefined for models without. */
  readonly logits: Graph | undefined;
  /** What `after` makes of weights, by outputs `after.NAME`; undefined for models without. */
  readonly after: Graph | undefined;
  readonly config: TrainConfig;
  readonly weights: TensorFile;
  /** For messages. */
  readonly weightsPath: string;
  readonly batch: FileBatch;
  /** Names of the spec to names in the files, read and written. */
  readonly names: NameMap;
  /** Optimizer steps on the batch, in float64 too. */
  readonly steps: number;
}

/** The tensors that `computeGradients` gives, rounded to float32 at the end. Fails with `weights-mismatch`. */
export function referenceGradients(job: ReferenceJob): TensorFile {
  const { micro, config, batch, names, weights: file, steps } = job;
  const weights = readAllWeights(job);
  const trained = [...weights.values()].filter((w) => !w.member.freeze);
  const tensors = new Map<string, Tensor>();
  const logits = job.logits && logitsOf(job.logits, job, weights);
  if (logits) tensors.set('logits', logits);

  const inputs = inputsOf(batch.tokens, batch.targets);
  const losses: number[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const out = interpret(micro, hostOf(micro, config, weights, inputs, step));
    const gradients = memberGradients(micro, out);
    const gradientOf = (w: AdamWeight): Float64Array => present(gradients.get(w.member.name), w.member.name);
    const loss = present(out.get('loss')?.[0], 'a loss');
    if (step === 0) {
      tensors.set('loss', scalar(loss));
      for (const w of trained) {
        const name = names.get(w.member.name) ?? w.member.name;
        tensors.set(`grad.${name}`, tensorOf(gradientOf(w), present(file.tensors.get(name), name).shape));
      }
      tensors.set('grad_norm', scalar(norm(trained.map(gradientOf))));
    } else losses.push(loss);
    if (step < steps) {
      adamStep(trained, gradientOf, config, step);
      if (job.after) replaceWeights(job.after, config, weights, step);
    }
  }
  if (steps > 0) tensors.set('losses', tensorOf(losses, [steps]));
  return { tensors, metadata: { device: 'reference' } };
}

/** Every member of every weight, by name. */
type Weights = ReadonlyMap<string, AdamWeight>;

function readAllWeights({ micro, weights: file, weightsPath, names }: ReferenceJob): Weights {
  const shapes = micro.weights.flatMap(({ members, axes }) =>
    members.map(({ name }) => ({ name, shape: axes.map((a) => a.size) })),
  );
  const { tensors, problems } = matchWeights(shapes, file.tensors, names);
  if (problems.length) throw dataFailure('weights-mismatch', { path: weightsPath, problems });
  const members = micro.weights.flatMap((w) => w.members);
  return new Map(
    members.map((member) => {
      const values = numbersOf(present(tensors.get(member.name), member.name));
      const zeros = (): Float64Array => new Float64Array(values.length);
      return [member.name, { member, values, moment1: zeros(), moment2: zeros() }];
    }),
  );
}

function logitsOf(graph: Graph, { batch, config }: ReferenceJob, weights: Weights): Tensor {
  const { rows, time, tokens, targets } = batch;
  const all = Array.from({ length: rows }, (_, row) => {
    const part = (values: Int32Array): Int32Array => values.subarray(row * time, (row + 1) * time);
    const host = hostOf(graph, config, weights, inputsOf(part(tokens), part(targets)), 0);
    return [...present(interpret(graph, host).get('logits'), 'logits')];
  }).flat();
  return tensorOf(all, [rows, time, all.length / (rows * time)]);
}

function inputsOf(tokens: Int32Array, targets: Int32Array): ReadonlyMap<string, Float64Array> {
  return new Map([
    ['tokens', Float64Array.from(tokens)],
    ['targets', Float64Array.from(targets)],
  ]);
}

function hostOf(
  graph: Graph,
  config: TrainConfig,
  weights: Weights,
  inputs: ReadonlyMap<string, Float64Array>,
  step: number,
) {
  return {
    inputs,
    weights: new Map<WeightId, Float64Array>(graph.weights.map((w) => [w.id, stacked(w, weights)])),
    runtime: { step, lr: evaluateSchedule(config.lr, step) },
    seed: config.seed,
    micro: 0,
  };
}

/** Puts what `after` makes of weights in their place. */
function replaceWeights(after: Graph, config: TrainConfig, weights: Weights, step: number): void {
  const made = interpret(after, hostOf(after, config, weights, new Map(), step));
  for (const { members } of after.weights) {
    const all = made.get(`after.${members[0]?.name}`);
    const size = (all?.length ?? 0) / members.length;
    for (const [k, { name }] of members.entries())
      if (all) present(weights.get(name), name).values.set(all.subarray(k * size, (k + 1) * size));
  }
}

/** The members of a weight one after another, as the graph sees it. */
function stacked({ members }: Weight, weights: Weights): Float64Array {
  const parts = members.map(({ name }) => present(weights.get(name), name).values);
  const all = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The gradient of each member, from those of the stacked weights. */
function memberGradients(graph: Graph, outputs: ReadonlyMap<string, Float64Array>): ReadonlyMap<string, Float64Array> {
  return new Map(
    graph.weights.flatMap(({ id, members }) => {
      const all = outputs.get(`grad.${id}`);
      if (!all) return [];
      const size = all.length / members.length;
      return members.map(({ name }, k) => [name, all.subarray(k * size, (k + 1) * size)] as const);
    }),
  );
}

function tensorOf(values: ArrayLike<number>, shape: readonly number[]): Tensor {
  return floatTensor(Float32Array.from(values), shape);
}

function scalar(value: number): Tensor {
  return tensorOf([value], []);
}
