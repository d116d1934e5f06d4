/** Attention and its gradients as a graph, for tests of their kernels. */
import type { AttendAttrs, Axis, Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { floats, tensor } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { axis } from './llama-graph.ts';

export interface AttentionCase {
  readonly time: number;
  readonly head: number;
  readonly value?: number;
  readonly kv?: number;
  readonly group?: number;
  readonly mask: Rule;
  readonly cap?: number;
  /** Sequences packed in a row: a query sees keys of its own document only, and a bias of its own for each head. */
  readonly documents?: boolean;
  /** The values have the groups of the queries and lack the heads of the keys. */
  readonly unlike?: boolean;
}

export type Rule = (b: Builder, i: ValueId, j: ValueId, document: ValueId | undefined) => ValueId;

export const causal: Rule = (b, i, j) => m.binary(b, 'le', j, i);
export const everything: Rule = (b) => m.binary(b, 'eq', m.intScalar(b, 0), m.intScalar(b, 0));
export const sliding =
  (width: number): Rule =>
  (b, i, j) =>
    m.binary(b, 'and', causal(b, i, j, undefined), m.binary(b, 'lt', m.binary(b, 'sub', i, j), m.intScalar(b, width)));

export const batch = axis('batch', 2);

/** Attention and its gradients as outputs. */
export function attention(options: AttentionCase): { readonly graph: Graph; readonly attrs: AttendAttrs } {
  const { time: t, head: d, value: dv, kv = 1, group = 2, mask, cap, documents, unlike } = options;
  const b = makeBuilder();
  const [time, key, head] = [axis('time', t), axis('key', t), axis('head', d)];
  const value = dv === undefined ? head : axis('value', dv);
  const [kvs, groups] = [axis('kv', kv), axis('group', group)];
  const input = (name: string, axes: readonly Axis[]): ValueId => b.input({ name, type: floats(axes) });
  const q = input('q', [batch, time, kvs, groups, head]);
  const k = input('k', [batch, time, kvs, head]);
  const v = input('v', [batch, time, unlike ? groups : kvs, value]);
  const ids = documents ? [b.input({ name: 'document', type: tensor('int', [batch, key]) })] : [];
  const axes = [batch, time, kvs, groups, key];
  const int = { type: tensor('int', axes) };
  const captures = ids.map(() => ({ type: tensor('int', [batch, key]) }));
  const attrs: AttendAttrs = {
    over: time.id,
    key,
    on: head.id,
    scale: 1 / Math.sqrt(d),
    mask: b.block([int, int, ...captures], ([i = q, j = q, document]) => [m.conform(b, mask(b, i, j, document), axes)]),
    score: b.block([{ type: floats(axes) }, int, int, ...captures], ([s = q]) => [
      cap === undefined ? s : m.mul(b, m.scalar(b, cap), m.unary(b, 'tanh', m.mul(b, s, m.scalar(b, 1 / cap)))),
    ]),
  };
  const [o = q, lse = q] = b.opAll('attend', attrs, [q, k, v, ...ids], { names: ['o', 'lse'] });
  const given = input('do', [batch, time, kvs, groups, value]);
  const backward = [q, k, v];
  const [dq = q, delta = q] = b.opAll('attend_backward_query', attrs, [...backward, o, lse, given, ...ids], {
    names: ['dq', 'delta'],
  });
  const [dk = q, dv_ = q] = b.opAll('attend_backward_key', attrs, [...backward, lse, delta, given, ...ids], {
    names: ['dk', 'dv'],
  });
  const outputs = { o, lse, dq, dk, dv: dv_ };
  return { graph: b.finish(Object.entries(outputs).map(([name, id]) => ({ name, value: id }))), attrs };
}
