/** The divisors of a positive integer, in order. */
export function divisorsOf(n: number): readonly number[] {
  const small: number[] = [];
  for (let d = 1; d * d <= n; d++) if (n % d === 0) small.push(d);
  const large = small.map((d) => n / d).filter((d) => d * d > n);
  return [...small, ...large.reverse()];
}
