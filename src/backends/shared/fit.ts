import { present } from '../../compiler/support/invariant.ts';

/**
 * Coefficients, constant first, of the polynomial of `degree` that equals `f` at the Chebyshev nodes of [low, high]:
 * close to the best one in the largest error. Interpolation by divided differences, expanded to powers.
 */
export function fit(f: (x: number) => number, degree: number, low: number, high: number): readonly number[] {
  const nodes = Array.from(
    { length: degree + 1 },
    (_, k) => (low + high) / 2 + ((high - low) / 2) * Math.cos((Math.PI * (k + 0.5)) / (degree + 1)),
  );
  const at = (list: readonly number[], i: number): number => present(list[i], 'a node');
  let differences = nodes.map(f);
  let basis = [1];
  const powers = nodes.map(() => 0);
  for (const [order, node] of nodes.entries()) {
    const leading = at(differences, 0);
    basis.forEach((b, i) => {
      powers[i] = at(powers, i) + leading * b;
    });
    basis = [0, ...basis].map((b, i) => b - node * (basis[i] ?? 0));
    differences = differences
      .slice(1)
      .map((d, i) => (d - at(differences, i)) / (at(nodes, i + order + 1) - at(nodes, i)));
  }
  return powers;
}
