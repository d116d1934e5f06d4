/** A nominal type: `Brand<number, 'ValueId'>` is a number that only a `ValueId` may stand for. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
