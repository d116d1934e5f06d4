/**
 * A JSON parser for headers of files that come from elsewhere. Unlike `JSON.parse` it refuses repeated keys, keys that
 * reach an object's prototype, deep nesting, and numbers that are not exact; objects have no prototype.
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

const MAX_DEPTH = 64;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/** Throws a `SyntaxError` that says what is wrong and where. */
export function parseStrictJson(text: string): Json {
  let at = 0;

  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at character ${at} of the JSON`);
  };
  const skip = (): void => {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    at = SPACE.lastIndex;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const take = (character: string): boolean => {
    skip();
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const need = (character: string): void => {
    if (!take(character)) fail(`expected '${character}'`);
  };
  const string = (): string => {
    skip();
    const found = match(STRING);
    return found === undefined ? fail('expected a string') : String(JSON.parse(found));
  };
  const number = (): number | undefined => {
    const found = match(NUMBER);
    if (found === undefined) return undefined;
    const value = Number(found);
    const whole = /^-?\d+$/.test(found);
    if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) fail(`the number ${found} is too large`);
    return value;
  };
  const object = (depth: number): JsonObject => {
    const result: Record<string, Json> = Object.create(null);
    if (take('}')) return result;
    do {
      const key = string();
      if (FORBIDDEN.has(key)) fail(`the key '${key}' is not allowed`);
      if (key in result) fail(`the key '${key}' stands twice`);
      need(':');
      result[key] = value(depth + 1);
    } while (take(','));
    need('}');
    return result;
  };
  const array = (depth: number): readonly Json[] => {
    const result: Json[] = [];
    if (take(']')) return result;
    do result.push(value(depth + 1));
    while (take(','));
    need(']');
    return result;
  };
  const value = (depth: number): Json => {
    if (depth > MAX_DEPTH) fail('nesting is too deep');
    if (take('{')) return object(depth);
    if (take('[')) return array(depth);
    if (text[at] === '"') return string();
    const word = match(WORD);
    if (word !== undefined) return word === 'null' ? null : word === 'true';
    return number() ?? fail('expected a value');
  };

  const result = value(0);
  skip();
  return at === text.length ? result : fail('unexpected text');
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
