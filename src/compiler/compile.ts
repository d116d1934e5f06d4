import { compileGraphs, type GraphsRequest } from './compile-graphs.ts';
import { canCopy } from './compile-program.ts';
import type { Compiled, CompileRequest, Purpose } from './compile-request.ts';
import { decodingOf } from './decode/decode.ts';
import { describeObstruction } from './describe-obstruction.ts';
import { describePrecision } from './describe-precision.ts';
import { type Elaborated, elaborate } from './elaborate/elaborate.ts';
import { describeRoll } from './elaborate/roll/describe-roll.ts';
import { requireSameWeights } from './elaborate/same-weights.ts';
import type { Block, Graph, Weight } from './ir/graph.ts';
import { NO_TILES } from './ir/tiling.ts';
import { isForLackOfRoom, largestThatFits } from './largest-that-fits.ts';
import type { PassTrace } from './pass.ts';
import { effortsFor } from './passes/effort.ts';
import { joinWeights } from './plan/join-weights.ts';
import { requireCausal } from './require-causal.ts';
import { divisorsOf } from './support/divisors.ts';
import { invariant, present } from './support/invariant.ts';
import { warningsOf } from './warnings.ts';

/**
 * Compiles a spec: elaborates it for each purpose that differs (decoding in sizes, evaluation and probes in what `training`
 * means, if the spec asks), then takes the graphs through `compileGraphs`, which lists the phases behind the language.
 * Throws a `Failure` with everything that is wrong.
 */
export function compile(request: CompileRequest): Compiled {
  const trace = makeTraces(request.dump ?? []);
  const first = elaborateFor(request, 'train', undefined, trace);
  const { batch, micro } = first.train ?? {};
  if (batch === undefined || micro === undefined || request.sizes?.batch !== undefined)
    return compileWith(request, first, undefined, trace, effortsFor);
  if (micro !== 'auto') {
    invariant(batch % micro === 0, 'the train block was read with a divisor for `micro`');
    return compileWith(request, first, micro, trace, effortsFor);
  }
  // Smaller micro-batches take less memory for no more work, so that nothing is computed again before they are as small as can be.
  try {
    return largestThatFits(divisorsOf(batch), (n) => compileWith(request, first, n, trace, noEfforts));
  } catch (error) {
    if (!isForLackOfRoom(error)) throw error;
    return compileWith(request, first, 1, trace, effortsFor);
  }
}

const noEfforts = (): readonly number[] => [0];

interface Traces {
  readonly of: (program: string) => PassTrace;
  readonly all: ReadonlyMap<string, PassTrace>;
}

function makeTraces(dump: readonly string[]): Traces {
  const all = new Map<string, PassTrace>();
  const of = (program: string): PassTrace => {
    const known = all.get(program);
    if (known) return known;
    const made: PassTrace = { times: new Map(), dumps: new Map(), wanted: new Set(dump) };
    all.set(program, made);
    return made;
  };
  return { of, all };
}

function compileWith(
  request: CompileRequest,
  first: Elaborated,
  micro: number | undefined,
  trace: Traces,
  effortsOf: (block: Block) => readonly number[],
): Compiled {
  const batch = request.sizes?.batch ?? first.train?.batch;
  const accumulation = micro === undefined || batch === undefined ? 1 : batch / micro;
  const same = micro === undefined || first.train?.micro !== 'auto' || micro === batch;
  const trained = same ? first : elaborateFor(request, 'train', micro, trace);
  const graphs: Record<string, Graph> = {};
  let rerun: string | undefined;
  if (request.purposes.includes('train')) graphs.micro = keepOutputs(trained.graph, ['loss']);
  for (const purpose of request.purposes) {
    if (purpose === 'train') continue;
    if (purpose === 'decode') {
      rerun = addDecoding(graphs, elaborateFor(request, purpose, micro, trace));
      continue;
    }
    for (const [name, graph] of graphsFor(request, purpose, trained, micro, trace)) {
      requireSameWeights(trained.graph.weights, graph.weights.filter(isWeight));
      if (graph.outputs.length > 0)
        graphs[name] = purpose === 'evaluate' ? keepOutputs(graph, ['loss.sum', 'loss.count']) : graph;
    }
  }
  if (graphs.micro && trained.train && trained.after) Object.assign(graphs, afterPrograms(trained.after));
  const train = trained.train && {
    ...trained.train,
    batch: batch ?? trained.train.batch,
    micro: micro ?? batch ?? trained.train.micro,
    sizes: { ...trained.train.sizes, ...withoutBatch(request.sizes ?? {}) },
  };
  const graphsRequest = {
    spec: request.source.path,
    model: trained.model,
    graphs,
    weights: joinWeights([trained.graph, ...Object.values(graphs)].map((g) => g.weights.filter(isWeight))),
    train,
    accumulation,
    limits: request.limits,
    target: request.target,
    tiles: request.tiles ?? NO_TILES,
    fuse: request.fuse ?? true,
    library: request.library,
  };
  const efforts = graphs.micro ? effortsOf(graphs.micro.block) : noEfforts();
  const thrifts = thriftsOf(graphsRequest, efforts);
  // The most thrift is what fits best.
  const { built, thrift } = largestThatFits([...thrifts.keys()].toReversed(), (n) => {
    const thrift = present(thrifts[n], 'a thrift');
    return { built: compileGraphs({ ...graphsRequest, ...thrift }, trace.of), thrift };
  });
  return {
    ...built,
    plan: { ...built.plan, ...(rerun === undefined ? {} : { rerun }) },
    train,
    graphs,
    notes: [
      ...trained.report.map(describeRoll),
      ...describeThrift(thrift, thrifts[0], efforts.length - 1),
      ...built.notes,
      ...describePrecision(train?.precision ?? 'f32', request.limits),
    ],
    warnings: warningsOf(first),
    files: trained.files,
    times: totalTimes(trace),
    dumps: new Map(
      [...trace.all].flatMap(([program, t]) =>
        [...t.dumps].map(([pass, text]) => [`${program} ${pass}`, text] as const),
      ),
    ),
  };
}

/** What is done to need less memory. */
type Thrift = Pick<GraphsRequest, 'effort' | 'copies'>;

/** From what is fastest to what needs least: without copies of weights first, then with more that is done again. */
function thriftsOf(request: Omit<GraphsRequest, keyof Thrift>, efforts: readonly number[]): readonly Thrift[] {
  const [least = 0] = efforts;
  const without = efforts.map((effort): Thrift => ({ effort, copies: false }));
  return canCopy(request) ? [{ effort: least, copies: true }, ...without] : without;
}

function describeThrift(thrift: Thrift, first: Thrift | undefined, all: number): readonly string[] {
  const ops = `${thrift.effort} of ${all} reductions, products and attentions`;
  return [
    ...(thrift.copies === first?.copies
      ? []
      : ['to need less memory, products read weights in four bytes, of which they have no copies in two']),
    ...(thrift.effort === 0 ? [] : [`to need less memory, backward loops do ${ops} of the forward loops again`]),
  ];
}

/** Adds the programs of decoding. Where each token needs all of `logits`, says why. */
function addDecoding(graphs: Record<string, Graph>, elaborated: Elaborated): string | undefined {
  if (elaborated.graph.outputs.length === 0) return undefined;
  const decoding = decodingOf(elaborated.graph);
  if (decoding.kind === 'rerun') {
    graphs.logits = elaborated.graph;
    return describeObstruction(elaborated, decoding.obstruction);
  }
  graphs.prefill = decoding.prefill;
  graphs.step = decoding.step;
  return undefined;
}

const isWeight = (weight: Weight): boolean => !weight.isGradient;

/**
 * The graph of a forward pass, by program: that of the training where it cannot differ; none for the probes of a spec
 * without any. Probes that look at gradients are a program of their own, which is run when a training has them.
 */
function graphsFor(
  request: CompileRequest,
  purpose: Exclude<Purpose, 'train' | 'decode'>,
  trained: Elaborated,
  micro: number | undefined,
  trace: Traces,
): readonly (readonly [string, Graph])[] {
  if (!trained.readsTraining) {
    if (purpose === 'evaluate') return [[purpose, trained.graph]];
    if (purpose === 'probes' && !trained.hasProbes) return [];
  }
  const { graph, hasGradientProbes } = elaborateFor(request, purpose, micro, trace);
  if (!hasGradientProbes || !request.purposes.includes('train')) return [[purpose, graph]];
  return [
    [purpose, graph],
    ['gradient_probes', elaborateFor(request, 'gradient-probes', micro, trace).graph],
  ];
}

function elaborateFor(
  request: CompileRequest,
  purpose: Purpose | 'gradient-probes',
  micro: number | undefined,
  trace: Traces,
): Elaborated {
  const start = performance.now();
  const isText = purpose === 'logits' || purpose === 'decode';
  const batch = isText ? { batch: 1 } : micro === undefined ? {} : { batch: micro };
  const elaborated = elaborate({
    source: request.source,
    entry: request.entry,
    set: request.set,
    sizes: { ...request.sizes, ...batch },
    training: purpose === 'train',
    want: isText ? 'logits' : purpose === 'train' || purpose === 'evaluate' ? 'loss' : purpose,
  });
  if (purpose === 'train' || isText) requireCausal(elaborated);
  const { times } = trace.of(purpose);
  times.set('elaborate', (times.get('elaborate') ?? 0) + performance.now() - start);
  return elaborated;
}

function keepOutputs(graph: Graph, names: readonly string[]): Graph {
  const outputs = names.map((name) =>
    present(
      graph.outputs.find((o) => o.name === name),
      `output ${name}`,
    ),
  );
  return { ...graph, outputs, block: { ...graph.block, results: outputs.map((o) => o.value) } };
}

/** What is done to weights before the first step, and after each update to those that train. */
function afterPrograms(after: Graph): Readonly<Record<string, Graph>> {
  const frozen = new Set(after.weights.flatMap((w) => w.members.flatMap((m) => (m.freeze ? [`after.${m.name}`] : []))));
  const names = after.outputs.map((o) => o.name);
  const trained = names.filter((name) => !frozen.has(name));
  if (trained.length === names.length) return { settle: after, after };
  return { settle: after, ...(trained.length > 0 ? { after: keepOutputs(after, trained) } : {}) };
}

function withoutBatch({ batch: _, ...sizes }: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return sizes;
}

/** Milliseconds by pass, over all programs. */
function totalTimes(trace: Traces): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const { times } of trace.all.values())
    for (const [pass, ms] of times) total.set(pass, (total.get(pass) ?? 0) + ms);
  return total;
}
