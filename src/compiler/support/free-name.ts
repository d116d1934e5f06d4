/** `wish`, or the first of `wish_2`, `wish_3`, … that is free. */
export function freeName(wish: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wish)) return wish;
  let n = 2;
  while (isTaken(`${wish}_${n}`)) n++;
  return `${wish}_${n}`;
}
