/**
 * A bigram model computed in JavaScript behind the interface of a loaded plan: logits = table[token] + bias. It lets the
 * runtime be tested without a device, and is as exact and as repeatable as a device must be.
 */
import type { LoadedPlan, ProgramRun } from '../../src/backends/device.ts';
import {
  type HostScalars,
  type IoPlace,
  PLAN_VERSION,
  type Plan,
  type Program,
  type Segment,
  type WeightPlace,
} from '../../src/compiler/ir/plan.ts';
import type { TrainConfig } from '../../src/compiler/ir/train.ts';
import { present } from '../../src/compiler/support/invariant.ts';

export interface FakeOptions {
  readonly vocab: number;
  readonly time: number;
  /** Sequences of a micro-batch, and micro-batches of a step. */
  readonly rows: number;
  readonly accumulation: number;
  readonly optimizer: TrainConfig['optimizer'];
  /** Puts a NaN into the gradient of `weight` at a step counted from 0. */
  readonly fault?: { readonly step: number; readonly weight: string };
}

export function fakePlan(options: FakeOptions): Plan {
  const { vocab, time, rows, accumulation } = options;
  const weight = (name: string, shape: readonly number[], offset: number, freeze = false): WeightPlace => ({
    name,
    shape,
    axes: shape.map((_, i) => `axis${i}`),
    part: 0,
    offset,
    bytes: shape.reduce((n, s) => n * s, 4),
    init: { kind: 'normal', std: 0.1 },
    decay: 1,
    lr: 1,
    eps: 1,
    freeze,
  });
  const table = weight('table', [vocab, vocab], 0);
  const bias = weight('bias', [vocab], align(table.bytes));
  const frozen = weight('frozen', [3], bias.offset + align(bias.bytes), true);
  const trained = frozen.offset;
  const io = (
    name: string,
    shape: readonly number[],
    segment: string,
    offset: number,
    kind: 'int' | 'float',
  ): IoPlace => ({
    name,
    kind,
    shape,
    axes: shape.map((_, i) => ['batch', 'time', 'vocab'][i] ?? 'axis'),
    address: { segment, offset, bytes: shape.reduce((n, s) => n * s, 4) },
  });
  const wide = align(rows * time * 4);
  const batch = [io('tokens', [rows, time], 'inputs', 0, 'int'), io('targets', [rows, time], 'inputs', wide, 'int')];
  const out = (name: string, slot: number, shape: readonly number[] = []): IoPlace =>
    io(name, shape, 'outputs', slot * 256, 'float');
  const program = (inputs: readonly IoPlace[], outputs: readonly IoPlace[]): Program => ({
    steps: [],
    inputs,
    outputs,
    liveBytes: 0,
  });
  const segment = (name: string, role: Segment['role'], bytes: number): Segment => ({ name, role, bytes });
  return {
    format_version: PLAN_VERSION,
    target: 'wgsl',
    model: 'Bigram',
    spec: 'bigram.tfm',
    deviceClass: 'cpu',
    segments: [
      segment('weights0', 'weights', trained + 256),
      segment('gradients0', 'gradients', trained),
      segment('totals0', 'totals', trained),
      segment('moment10', 'moment1', trained),
      segment('moment20', 'moment2', trained),
      segment('inputs', 'inputs', 2 * wide + align(time * 4)),
      segment('outputs', 'outputs', 12 * 256 + time * vocab * 4),
    ],
    kernels: [],
    matmuls: [],
    programs: {
      begin: program([], []),
      micro: program(batch, [out('loss', 0)]),
      update: program([], [out('grad_norm', 1), out('history', 8, [64, 3])]),
      evaluate: program(batch, [out('loss.sum', 3), out('loss.count', 4)]),
      probes: program(batch, [out('probe.bias', 5), out('probe.rows', 6, [2])]),
      logits: program([io('tokens', [1, time], 'inputs', 2 * wide, 'int')], [out('logits', 12, [1, time, vocab])]),
    },
    weights: [table, bias, frozen],
    uniformRows: [],
    gradients: accumulation > 1 ? 'totals' : 'gradients',
    accumulation,
    memory: { plannedBytes: 0, liveBytes: 0 },
  };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 256) * 256;
}

export function loadFakePlan(options: FakeOptions): LoadedPlan {
  const plan = fakePlan(options);
  const memory = new Map(plan.segments.map((s) => [s.name, new ArrayBuffer(s.bytes)]));
  const buffer = (name: string): ArrayBuffer => present(memory.get(name), `segment ${name}`);
  const floats = (segment: string): Float32Array => new Float32Array(buffer(segment));
  const [table, bias, frozen] = plan.weights;
  const places = { table: present(table, 'table'), bias: present(bias, 'bias'), frozen: present(frozen, 'frozen') };
  const part = (segment: string, { offset, bytes }: WeightPlace): Float32Array =>
    new Float32Array(buffer(segment), offset, bytes / 4);
  const input = (place: IoPlace): Int32Array =>
    new Int32Array(buffer('inputs'), place.address.offset, place.address.bytes / 4);
  const output = (program: string, name: string): Float32Array => {
    const { address } = present(
      plan.programs[program]?.outputs.find((o) => o.name === name),
      name,
    );
    return new Float32Array(buffer('outputs'), address.offset, address.bytes / 4);
  };
  const batchOf = (program: string): readonly Int32Array[] =>
    present(plan.programs[program], program).inputs.map(input);

  const { vocab } = options;
  const logitsOf = (token: number): Float64Array => {
    const row = part('weights0', places.table).subarray(token * vocab, (token + 1) * vocab);
    const b = part('weights0', places.bias);
    return Float64Array.from(row, (x, v) => x + (b[v] ?? 0));
  };
  /** The loss of one position and the probabilities it gave. */
  const crossEntropy = (token: number, target: number): { loss: number; p: Float64Array } => {
    const logits = logitsOf(token);
    const top = logits.reduce((a, b) => Math.max(a, b));
    const p = logits.map((x) => Math.exp(x - top));
    const sum = p.reduce((a, b) => a + b);
    const loss = Math.log(sum) + top - (logits[target] ?? 0);
    return { loss, p: p.map((x) => x / sum) };
  };

  const micro = (scalars: HostScalars): void => {
    const [tokens = new Int32Array(), targets = new Int32Array()] = batchOf('micro');
    const share = 1 / (tokens.length * options.accumulation);
    const segment = `${plan.gradients}0`;
    const [gTable, gBias] = [part(segment, places.table), part(segment, places.bias)];
    if (options.accumulation === 1) {
      floats(segment).fill(0);
      output('micro', 'loss').fill(0);
    }
    let loss = 0;
    tokens.forEach((token, i) => {
      const target = targets[i] ?? 0;
      const { loss: l, p } = crossEntropy(token, target);
      loss += l * share;
      p.forEach((x, v) => {
        const g = (x - (v === target ? 1 : 0)) * share;
        gTable[token * vocab + v] = (gTable[token * vocab + v] ?? 0) + g;
        gBias[v] = (gBias[v] ?? 0) + g;
      });
    });
    const total = output('micro', 'loss');
    total[0] = (total[0] ?? 0) + loss;
    const { fault } = options;
    if (fault?.step === scalars.step) part(segment, places[fault.weight === 'bias' ? 'bias' : 'table'])[1] = Number.NaN;
  };

  let ended = false;
  const update = ({ step, lr, bias1, bias2 }: HostScalars): void => {
    const [w, g, m, v] = [floats('weights0'), floats(`${plan.gradients}0`), floats('moment10'), floats('moment20')];
    const norm = Math.sqrt(g.reduce((s, x) => s + x * x, 0));
    ended ||= !Number.isFinite(norm);
    output('update', 'grad_norm')[0] = norm;
    output('update', 'history').set([output('micro', 'loss')[0] ?? 0, norm, ended ? 0 : 1], (step % 64) * 3);
    if (ended) return;
    const { beta1, beta2, eps, decay } = options.optimizer;
    g.forEach((x, i) => {
      m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * x;
      v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * x * x;
      const old = w[i] ?? 0;
      w[i] = old - lr * decay * old - (lr * ((m[i] ?? 0) / bias1)) / (Math.sqrt((v[i] ?? 0) / bias2) + eps);
    });
  };

  const evaluate = (): void => {
    const [tokens = new Int32Array(), targets = new Int32Array()] = batchOf('evaluate');
    output('evaluate', 'loss.sum')[0] = tokens.reduce((s, t, i) => s + crossEntropy(t, targets[i] ?? 0).loss, 0);
    output('evaluate', 'loss.count')[0] = tokens.length;
  };

  const programs: Readonly<Record<string, (scalars: HostScalars) => void>> = {
    begin: () => {
      floats(`${plan.gradients}0`).fill(0);
      output('micro', 'loss').fill(0);
    },
    micro,
    update,
    evaluate,
    probes: () => {
      output('probes', 'probe.bias')[0] = part('weights0', places.bias)[0] ?? 0;
      output('probes', 'probe.rows').set(part('weights0', places.table).subarray(0, 2));
    },
    logits: () => {
      const [tokens = new Int32Array()] = batchOf('logits');
      const logits = output('logits', 'logits');
      tokens.forEach((t, i) => {
        logits.set(logitsOf(t), i * vocab);
      });
    },
  };

  const write = (segment: string, offset: number, data: ArrayBufferView): void => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(buffer(segment), offset, bytes.length).set(bytes);
  };
  const runAll = (runs: readonly ProgramRun[]): void => {
    for (const { program, scalars, inputs } of runs) {
      for (const { segment, offset, data } of inputs) write(segment, offset, data);
      present(programs[program], `program ${program}`)(scalars);
    }
  };

  return {
    plan,
    allocatedBytes: 0,
    write,
    read: async (segment, offset, bytes) => buffer(segment).slice(offset, offset + bytes),
    run: (program, scalars) => runAll([{ program, scalars, inputs: [] }]),
    runAll,
    finish: async () => {},
    checkGuards: async () => {},
    release: () => {},
  };
}
