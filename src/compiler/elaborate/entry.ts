/** Which model an elaboration is of, and how it is configured. */

import { didYouMean } from '../support/did-you-mean.ts';
import { present } from '../support/invariant.ts';
import { GENERATED } from '../support/source.ts';
import type { File, FnItem, Param, TrainItem } from '../syntax/ast.ts';
import { parameterName } from './arguments.ts';
import { textOf, valueText } from './describe.ts';
import type { Module } from './module.ts';
import { refuse, type Scope } from './session.ts';
import type { ScopedExpr } from './train-block.ts';
import type { FunctionValue, Given, GivenValue, Instance, Value } from './value.ts';

export interface Entry {
  readonly train: TrainItem | undefined;
  readonly model: FunctionValue;
  /** Arguments that the train block gives the model. */
  readonly given: Given;
}

function entriesIn({ items }: File): { readonly trains: readonly TrainItem[]; readonly models: readonly FnItem[] } {
  return {
    trains: items.filter((item): item is TrainItem => item.kind === 'train'),
    models: items.filter((item): item is FnItem => item.kind === 'fn' && item.model),
  };
}

/** A train block is called after its model, unless it has a name. */
function nameOf(item: TrainItem): string {
  return item.name?.text ?? textOf(item.model.kind === 'call' ? item.model.callee.span : item.model.span);
}

/** By what names the train blocks and models of a file can be asked for. */
export function entryNames(file: File): { readonly trains: readonly string[]; readonly models: readonly string[] } {
  const { trains, models } = entriesIn(file);
  return { trains: trains.map(nameOf), models: models.map((model) => model.name.text) };
}

/** The train block or model of that name; without a name, the only one there is. */
export function chooseEntry(module: Module, scope: Scope, name: string | undefined): Entry {
  const { trains, models } = entriesIn(module.file);
  const names = [...new Set([...trains.map(nameOf), ...models.map((model) => model.name.text)])];
  const wantedTrains = name === undefined ? trains : trains.filter((item) => nameOf(item) === name);
  const wantedModels = name === undefined ? models : models.filter((model) => model.name.text === name);
  const [train] = wantedTrains;
  if (train && wantedTrains.length > 1) refuse('several-entries', { names: trains.map(nameOf) }, train.span);
  if (train) return configured(train, scope.frame.session.language.evaluate(train.model, scope));
  const [model] = wantedModels;
  if (model && wantedModels.length > 1)
    refuse('several-entries', { names: models.map((m) => m.name.text) }, model.name.span);
  if (model) return configured(undefined, present(module.scope.find(model.name.text), 'a declared model'));
  const span = { ...module.file.span, end: module.file.span.start };
  if (name !== undefined && names.length > 0)
    refuse('unknown-entry', { name, suggestion: didYouMean(name, names), names }, span);
  return refuse('no-model', {}, span);
}

function configured(train: TrainItem | undefined, value: Value): Entry {
  if (value.kind === 'function' && value.model) return { train, model: value, given: new Map() };
  if (value.kind === 'instance' && value.fn.model) return { train, model: value.fn, given: value.given };
  const span = train?.model.span ?? GENERATED;
  return refuse('wrong-kind', { text: textOf(span), found: valueText(value), wanted: 'a model' }, span);
}

/** The parameters of a model that can be set: all lists but the last, which holds its inputs. */
export function parametersOf(model: FunctionValue): readonly Param[] {
  return model.lists.slice(0, -1).flat();
}

/** The model with settings from outside in place of what the train block gives. */
export function configure({ model, given }: Entry, settings: ReadonlyMap<string, ScopedExpr>): Instance {
  const all = new Map<Param, GivenValue>(given);
  for (const param of parametersOf(model)) {
    const setting = settings.get(parameterName(param) ?? '');
    if (!setting) continue;
    const { expr, scope } = setting;
    all.set(param, { value: scope.frame.session.language.evaluate(expr, scope), span: expr.span });
  }
  return { kind: 'instance', fn: model, given: all, place: undefined, applications: [] };
}
