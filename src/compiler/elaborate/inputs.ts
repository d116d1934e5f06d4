/** The inputs of a model: tensors from data, whose axes get their sizes from the training or from outside. */
import type { Axis, GraphInput } from '../ir/graph.ts';
import { tensor as tensorType } from '../ir/tensor-type.ts';
import type { Name, Param } from '../syntax/ast.ts';
import { parameterName } from './arguments.ts';
import { resolveAxis } from './axis-name.ts';
import { emit } from './emit.ts';
import { boundary } from './env.ts';
import { bindParameters } from './parameters.ts';
import { type Frame, refuse, type Session } from './session.ts';
import type { FunctionValue, Given, GivenValue, Instance } from './value.ts';

/** The axis of the sequences of a batch, over which means are taken across micro-batches. */
export const BATCH = 'batch';

/** The names of the axes that only inputs have, in order of appearance; others are parameters of the model. */
export function inputAxes({ lists }: FunctionValue): readonly Name[] {
  const parameters = lists.slice(0, -1).flat().map(parameterName);
  const names = new Map<string, Name>();
  for (const { type } of lists.at(-1) ?? []) {
    for (const dim of type && type !== 'axis' ? type.dims : []) {
      if (dim.kind === 'axis-dim' && !parameters.includes(dim.name.text))
        names.set(dim.name.text, names.get(dim.name.text) ?? dim.name);
    }
  }
  return [...names.values()];
}

/** The tensors of the last list of a model. */
export function makeInputs({ fn, given }: Instance, frame: Frame, sizes: Readonly<Record<string, number>>): Given {
  const { session } = frame;
  const env = bindParameters(fn.lists.slice(0, -1), given, frame, boundary(fn.env));
  const own = new Map(inputAxes(fn).map((name) => [name.text, declareAxis(session, name, sizes)]));
  const inputs = new Map<Param, GivenValue>();
  for (const param of fn.lists.at(-1) ?? []) {
    const name = parameterName(param);
    const { type } = param;
    if (name === undefined || !type || type === 'axis') return refuse('input-type', {}, param.span);
    const axes = type.dims.map((dim) => {
      if (dim.kind === 'row-dim') return refuse('input-type', {}, dim.span);
      return own.get(dim.name.text) ?? resolveAxis(dim.name, { frame, env });
    });
    const again = axes.find((axis, i) => axes.indexOf(axis) !== i);
    if (again) refuse('axis-twice', { axis: again.name, where: 'the input' }, type.span);
    const input: GraphInput = { name, type: tensorType(type.element, axes) };
    session.inputs.set(name, input);
    const value = emit(session, 'input', { name }, [], param.span, input.type);
    session.names.set(value.value.id, name);
    inputs.set(param, { value, span: param.span });
  }
  return inputs;
}

function declareAxis(session: Session, name: Name, sizes: Readonly<Record<string, number>>): Axis {
  const size = sizes[name.text];
  if (size === undefined) return refuse('input-size', { axis: name.text }, name.span);
  if (!Number.isInteger(size) || size < 1) refuse('bad-size', { name: name.text, size }, name.span);
  const axis = session.axes.declare(name.text, size, name.span);
  if (name.text === BATCH) session.batchAxes.add(axis.id);
  return axis;
}
