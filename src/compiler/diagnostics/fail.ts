import { EXIT, Failure } from './diagnostic.ts';
import { diagnosticsOf, type Entry, type Place } from './entry.ts';

/** Makes the constructor of failures of one diagnostic: `failuresOf(table)('data-empty', {…})`, with the entry's exit code. */
export function failuresOf<T extends Record<string, Entry<never>>>(table: T) {
  const diagnostic = diagnosticsOf(table);
  return <C extends keyof T & string>(code: C, params: Parameters<T[C]['message']>[0], place: Place = {}): Failure =>
    new Failure([diagnostic(code, params, place)], table[code]?.exit ?? EXIT.input);
}
