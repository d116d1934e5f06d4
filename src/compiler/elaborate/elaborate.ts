/** From a specification to a graph and a training. */
import { type Diagnostic, EXIT, Failure } from '../diagnostics/diagnostic.ts';
import type { AxisId, Graph, GraphInput } from '../ir/graph.ts';
import type { Hir } from '../ir/hir.ts';
import type { TrainConfig } from '../ir/train.ts';
import type { Source, Span } from '../support/source.ts';
import { inStep } from '../support/step.ts';
import type { File } from '../syntax/ast.ts';
import { type Advice, adviceIn, adviceOfModule } from './advice.ts';
import { afterGraph } from './after.ts';
import { parameterName } from './arguments.ts';
import { applyModel } from './call.ts';
import { runDistantProbes } from './distant-probe.ts';
import { chooseEntry, configure, type Entry, parametersOf } from './entry.ts';
import { gradientWeights, refuseFrozenGradients } from './gradients.ts';
import { BATCH, inputAxes, makeInputs } from './inputs.ts';
import { Divergence } from './lanes-type.ts';
import { LANGUAGE_PARTS } from './language-parts.ts';
import { type Library, STANDARD_LIBRARY } from './library.ts';
import { type Module, makeModules } from './module.ts';
import type { Observer } from './observer.ts';
import { makeOutputs, type Want } from './outputs.ts';
import { readOverrides } from './overrides.ts';
import { NO_LOOPS, rootPlace } from './place.ts';
import { runProbe } from './probe.ts';
import { prune } from './prune.ts';
import type { RollReport } from './roll/plan.ts';
import { roll } from './roll/roll.ts';
import { hirWeight, type Members } from './rules.ts';
import { type Activation, attempt, makeSession, type Scope, type Session } from './session.ts';
import { readTrainBlock, type TrainBlock, trainKeys } from './train-block.ts';
import type { Instance } from './value.ts';
import { settleWeights } from './via.ts';

export interface ElaborateRequest {
  readonly source: Source;
  /** A train block or model by name; the only one otherwise. */
  readonly entry?: string | undefined;
  /** `NAME=EXPR`, in the words of the language. */
  readonly set?: readonly string[] | undefined;
  /** Sizes of axes of the inputs, before those of the train block. */
  readonly sizes?: Readonly<Record<string, number>> | undefined;
  /** What `training` is. */
  readonly training: boolean;
  readonly want: Want;
  readonly library?: Library | undefined;
  /** Elaborate iterations at once where they have one body. Off, only the time differs: a test holds that. */
  readonly atOnce?: boolean | undefined;
  /** Evaluate probes, to see what is wrong with them, also when they are not wanted. */
  readonly checksProbes?: boolean;
  /** Is told of what is elaborated, probes included. */
  readonly observer?: Observer | undefined;
  /** The tree of the source as far as it could be read, where errors of its syntax are reported elsewhere. */
  readonly mended?: File | undefined;
}

export interface Elaborated {
  /** Name of the model. */
  readonly model: string;
  readonly graph: Graph;
  readonly hir: Hir;
  /** What `after` makes of weights: outputs `after.NAME`. Undefined when no weight has it, or the loss is not wanted. */
  readonly after: Graph | undefined;
  readonly train: TrainConfig | undefined;
  readonly inputs: readonly GraphInput[];
  /** Which loops were kept as loops, and why others were not. */
  readonly report: readonly RollReport[];
  /** What the program makes of its use; when neither, it is the same for training and for evaluation. */
  readonly readsTraining: boolean;
  readonly hasProbes: boolean;
  /** A probe looks at gradients. Known when probes were evaluated. */
  readonly hasGradientProbes: boolean;
  /** The specification, and the files that it uses. */
  readonly files: readonly Source[];
  /** The trees of those files. */
  readonly trees: readonly File[];
  /** What the schemes in the model say of themselves, and what those of the library do. */
  readonly advice: { readonly used: readonly Advice[]; readonly known: () => readonly Advice[] };
  /** The call by which a file of the user's got to a place in the library where an op was made. */
  readonly callerOf: (span: Span) => Span | undefined;
  /** Where an axis is declared, if a file declares it. */
  readonly axisSpan: (id: AxisId) => Span | undefined;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Elaborates a model for one use. Only what that use needs is in the graph, but its weights are those of the whole model.
 * Throws a `Failure` with every error that was found.
 */
export function elaborate(request: ElaborateRequest): Elaborated {
  const session = makeSession(LANGUAGE_PARTS, {
    source: request.source,
    training: request.training,
    wantsProbes: /probes$/.test(request.want) || request.checksProbes === true || request.observer !== undefined,
    atOnce: request.atOnce ?? true,
    observer: request.observer,
  });
  try {
    return inStep('elaborate', () => elaborateIn(session, request));
  } catch (error) {
    // Iterations with one body turned out to want different functions of their weights.
    if (error instanceof Divergence && session.atOnce) return elaborate({ ...request, atOnce: false });
    if (!(error instanceof Failure)) throw error;
    throw new Failure([...session.diagnostics, ...error.diagnostics], error.exitCode);
  }
}

function elaborateIn(session: Session, request: ElaborateRequest): Elaborated {
  const modules = makeModules(session, request.library ?? STANDARD_LIBRARY, request.mended);
  const main = modules.file(request.source);
  const scope: Scope = {
    frame: { session, place: undefined, loops: NO_LOOPS, activation: undefined },
    env: main.scope,
  };
  const entry = chooseEntry(main, scope, request.entry);
  const { train, instance, sizes } = settle(session, entry, scope, request, () => modules.library(['std', 'schemes']));
  const { hir, members, advice: used } = elaborateModel(session, instance, entry, sizes, request.want);
  stopOnErrors(session);
  const pruned = prune(hir);
  const { graph, report } = roll(pruned, session.nextId);
  const after = request.want === 'loss' ? afterGraph(session, graph.weights, members) : undefined;
  stopOnErrors(session);
  const model = entry.model.name ?? 'model';
  const { diagnostics, readsTraining, hasProbes } = session;
  const files = modules.files();
  return {
    model,
    graph,
    hir: pruned,
    after,
    train,
    inputs: pruned.inputs,
    report,
    readsTraining,
    hasProbes,
    hasGradientProbes: session.probes.some((probe) => probe.ofGradients),
    files,
    trees: modules.trees(),
    advice: { used, known: () => adviceOfModule(modules.library(['std', 'schemes']), scope) },
    callerOf: (span) => callerIn(files, session.callers.get(span)),
    axisSpan: session.axes.declarationOf,
    diagnostics,
  };
}

interface Settled {
  readonly train: TrainConfig | undefined;
  readonly instance: Instance;
  readonly sizes: Readonly<Record<string, number>>;
}

/** What the train block and settings from outside say. */
function settle(
  session: Session,
  entry: Entry,
  scope: Scope,
  request: ElaborateRequest,
  schemes: () => Module | undefined,
): Settled {
  const parameters = parametersOf(entry.model);
  const axes = inputAxes(entry.model).map((name) => name.text);
  const names = { parameters: parameters.flatMap((param) => parameterName(param) ?? []), train: trainKeys(axes) };
  const overrides = readOverrides(request.set ?? [], names, scope, schemes);
  const block: TrainBlock | undefined = entry.train && {
    item: entry.train,
    scope,
    overrides: overrides.train,
    inputAxes: axes,
  };
  const train = block && readTrainBlock(session, block);
  const batch = train && (train.micro === 'auto' ? train.batch : train.micro);
  const sizes = { ...train?.sizes, ...(batch === undefined ? {} : { [BATCH]: batch }), ...request.sizes };
  return { train, instance: configure(entry, overrides.parameters), sizes };
}

function elaborateModel(
  session: Session,
  instance: Instance,
  entry: Entry,
  sizes: Readonly<Record<string, number>>,
  want: Want,
): { readonly hir: Hir; readonly members: Members; readonly advice: readonly Advice[] } {
  const { fn } = instance;
  const root = rootPlace(fn.span);
  const frame = { session, place: root, loops: NO_LOOPS, activation: undefined };
  const given = makeInputs(instance, frame, sizes);
  const body = applyModel(instance, given, root, { node: fn, span: fn.span, scope: { frame, env: fn.env } });
  addTrainEntries(session, entry, { frame, env: body.env });
  runDistantProbes(session, root);
  const outputs = makeOutputs(session, want, body, fn.span);
  stopOnErrors(session);
  const { members, ...program } = settleWeights(session, root, { items: session.items, outputs });
  refuseFrozenGradients(session, members);
  const weights = [
    ...[...members.values()].flatMap((all) => hirWeight(session, all)),
    ...(want === 'gradient-probes' ? gradientWeights(session, members) : []),
  ];
  const { inputs, names } = session;
  return {
    hir: { ...program, inputs: [...inputs.values()], weights, names },
    members,
    advice: adviceIn(body, { frame, env: body.env }),
  };
}

/** The rules and probes of a train block. Probes see the final bindings of the model. */
function addTrainEntries(session: Session, { train, model }: Entry, scope: Scope): void {
  for (const entry of train?.entries ?? []) {
    if (entry.kind === 'rule') session.rules.push({ rule: entry, scope: { ...scope, env: model.env }, level: 'train' });
    if (entry.kind !== 'probe') continue;
    attempt(
      session,
      () => runProbe(entry, scope),
      () => undefined,
    );
  }
}

/** The innermost call that stands in one of `files`. */
function callerIn(files: readonly Source[], activation: Activation | undefined): Span | undefined {
  for (let at = activation; at; at = at.outer) if (files.includes(at.call.source)) return at.call;
  return undefined;
}

function stopOnErrors(session: Session): void {
  if (session.diagnostics.some((d) => d.severity === 'error')) throw new Failure([], EXIT.input);
}
