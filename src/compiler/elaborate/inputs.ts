/** The inputs of a model: tensors from data, whose axes get their sizes from the training or from outside. */
import type { GraphInput } from '../ir/graph.ts';
import { tensor as tensorType } from '../ir/tensor-type.ts';
import type { Name, Param } from '../syntax/ast.ts';
import { parameterName } from './arguments.ts';
import { emit } from './emit.ts';
import { refuse, type Session } from './session.ts';
import type { Given, GivenValue } from './value.ts';

/** The axis of the sequences of a batch, over which means are taken across micro-batches. */
export const BATCH = 'batch';

/** The names of the axes of inputs, in order of appearance. */
export function inputAxes(inputs: readonly Param[]): readonly Name[] {
  const names = new Map<string, Name>();
  for (const { type } of inputs) {
    if (!type || type === 'axis') continue;
    for (const dim of type.dims)
      if (dim.kind === 'axis-dim' && !names.has(dim.name.text)) names.set(dim.name.text, dim.name);
  }
  return [...names.values()];
}

export function makeInputs(session: Session, inputs: readonly Param[], sizes: Readonly<Record<string, number>>): Given {
  const given = new Map<Param, GivenValue>();
  const declared = new Map(inputAxes(inputs).map((name) => [name.text, name]));
  for (const param of inputs) {
    const name = parameterName(param);
    const { type } = param;
    if (name === undefined || !type || type === 'axis') return refuse('input-type', {}, param.span);
    const axes = type.dims.map((dim) => {
      if (dim.kind === 'row-dim') return refuse('input-type', {}, dim.span);
      const size = sizes[dim.name.text];
      if (size === undefined) return refuse('input-size', { axis: dim.name.text }, dim.name.span);
      if (!Number.isInteger(size) || size < 1) refuse('bad-size', { name: dim.name.text, size }, dim.name.span);
      const axis = session.axes.declare(dim.name.text, size, (declared.get(dim.name.text) ?? dim.name).span);
      if (dim.name.text === BATCH) session.batchAxes.add(axis.id);
      return axis;
    });
    const again = axes.find((axis, i) => axes.indexOf(axis) !== i);
    if (again) refuse('axis-twice', { axis: again.name, where: 'the input' }, type.span);
    const input: GraphInput = { name, type: tensorType(type.element, axes) };
    session.inputs.set(name, input);
    const value = emit(session, 'input', { name }, [], param.span, input.type);
    session.names.set(value.value.id, name);
    given.set(param, { value, span: param.span });
  }
  return given;
}
