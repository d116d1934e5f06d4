import type { OpName } from '../ir/graph.ts';
import { attend } from './attend.ts';
import { contract } from './contract.ts';
import { gather } from './gather.ts';
import { leaves } from './leaves.ts';
import { loop } from './loop.ts';
import { movement } from './movement.ts';
import type { OpDef } from './op-def.ts';
import { pointwise } from './pointwise.ts';
import { put } from './put.ts';
import { recur } from './recur.ts';
import { reduce } from './reduce.ts';

/** Every op. */
export const ops: { readonly [K in OpName]: OpDef<K> } = {
  ...leaves,
  ...pointwise,
  ...movement,
  ...reduce,
  ...contract,
  ...gather,
  ...put,
  ...recur,
  ...attend,
  ...loop,
};
