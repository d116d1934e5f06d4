import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Axis, AxisId } from '../src/compiler/ir/graph.ts';
import type { Expr } from '../src/compiler/ir/kernel.ts';
import { load, local, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { printExpr } from '../src/compiler/ir/print-kernel.ts';
import {
  add,
  areSideBySide,
  bounded,
  div,
  linear,
  mod,
  mul,
  multiple,
  rowMajor,
  unravel,
} from '../src/compiler/lower/index-math.ts';

const axis = (name: string, size: number): Axis => ({ id: name as AxisId, name, size });
const index = (name: string, size: number): Expr => bounded(local(name, 'u32'), size - 1);

function evaluate(expr: Expr, locals: Readonly<Record<string, number>>): number {
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'local') return locals[expr.name] ?? Number.NaN;
  if (expr.kind !== 'binary') return Number.NaN;
  const [a, b] = [evaluate(expr.left, locals), evaluate(expr.right, locals)];
  if (expr.op === 'add') return a + b;
  if (expr.op === 'mul') return a * b;
  if (expr.op === 'div') return Math.floor(a / b);
  return expr.op === 'mod' ? a % b : Number.NaN;
}

test('a merge undoes a split, and a row-major read of what was unravelled is the position itself', () => {
  const axes = [axis('batch', 3), axis('time', 5), axis('heads', 7), axis('dim', 4)];
  const i = index('i', 3 * 5 * 7 * 4);
  const parts = unravel(i, axes);
  const of = (a: Axis): Expr => parts[axes.indexOf(a)] ?? u32(0);
  assert.is(printExpr(rowMajor(axes, of)), 'i');
  const inner = unravel(
    linear([
      [of(axes[2] as Axis), 4],
      [of(axes[3] as Axis), 1],
    ]),
    axes.slice(2),
  );
  assert.is(printExpr(add(mul(inner[0] as Expr, 4), inner[1] as Expr)), '(i % 28)');
});

test('what is known to be small needs no remainder', () => {
  const [row, column] = [index('row', 10), index('column', 8)];
  const position = linear([
    [row, 8],
    [column, 1],
  ]);
  assert.is(printExpr(div(position, 8)), 'row');
  assert.is(printExpr(mod(position, 8)), 'column');
  assert.is(printExpr(mod(position, 4)), '(column % 4)');
  assert.is(printExpr(mod(mod(index('i', 1000), 24), 8)), '(i % 8)');
});

test('simplified arithmetic has the value of the plain one', () => {
  const i = index('i', 500);
  const j = index('j', 12);
  for (const [p, q, r] of [
    [24, 8, 3],
    [7, 5, 2],
    [6, 4, 12],
    [12, 3, 36],
  ] as const) {
    const expr = linear([
      [div(mod(i, p), q), 5],
      [mod(div(add(mul(i, r), j), q), p), 2],
      [div(div(i, p), q), p],
    ]);
    for (let x = 0; x < 500; x += 7) {
      for (let y = 0; y < 12; y += 5) {
        const plain =
          Math.floor((x % p) / q) * 5 + (Math.floor((x * r + y) / q) % p) * 2 + Math.floor(Math.floor(x / p) / q) * p;
        assert.is(evaluate(expr, { i: x, j: y }), plain);
      }
    }
  }
});

test('multiples of a number stay neighbours under remainders and quotients', () => {
  const four = multiple(index('i', 100), 4);
  const at = (c: number): Expr => add(four, u32(c));
  assert.is(printExpr(mod(at(3), 12)), '((((i / 4) % 3) * 4) + 3)');
  assert.is(printExpr(div(at(3), 12)), '(i / 12)');
  assert.is(printExpr(mul(at(0), 3)), '(i * 3)');
  assert.is(printExpr(div(mul(at(1), 8), 4)), '((i * 2) + 2)');
  for (const by of [4, 6, 8, 12]) {
    for (let i = 0; i < 100; i += 4) {
      assert.is(evaluate(mod(at(3), by), { i }), (i + 3) % by);
      assert.is(evaluate(div(at(3), by), { i }), Math.floor((i + 3) / by));
    }
  }
});

test('four loads are side by side where the first is at a multiple of four', () => {
  const four = multiple(index('i', 100), 4);
  const loads = (first: Expr): readonly Expr[] => [0, 1, 2, 3].map((c) => load('x', 'f32', add(first, u32(c))));
  assert.ok(areSideBySide(loads(four)));
  assert.not.ok(areSideBySide(loads(add(four, u32(1)))));
  assert.not.ok(areSideBySide(loads(index('j', 100))));
  assert.not.ok(areSideBySide([...loads(four).slice(0, 3), load('y', 'f32', add(four, u32(3)))]));
});

test.run();
