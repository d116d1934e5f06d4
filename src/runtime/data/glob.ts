import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SPECIAL = /[*?[\]{}]/;

/**
 * Files below `folder` that a pattern matches, sorted, as paths relative to it: `*` and `?` stay within a name, `**`
 * enters folders, `[a-z]` and `{a,b}` choose. Hidden names match only a pattern that spells the dot.
 */
export function glob(folder: string, pattern: string): readonly string[] {
  const parts = pattern.split('/').filter((p) => p !== '' && p !== '.');
  return [...new Set(walk(folder, '', parts))].sort();
}

function walk(folder: string, at: string, parts: readonly string[]): readonly string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return isFile(join(folder, at)) ? [at] : [];
  if (part === '**') {
    const below = names(join(folder, at)).filter((n) => !n.startsWith('.') && isFolder(join(folder, at, n)));
    return [...walk(folder, at, rest), ...below.flatMap((n) => walk(folder, join(at, n), parts))];
  }
  if (!SPECIAL.test(part)) return walk(folder, join(at, part), rest);
  const matches = nameMatcher(part);
  return names(join(folder, at))
    .filter(matches)
    .flatMap((n) => walk(folder, join(at, n), rest));
}

function nameMatcher(pattern: string): (name: string) => boolean {
  let depth = 0;
  let source = '';
  for (let i = 0; i < pattern.length; i += 1) {
    const c = pattern.charAt(i);
    const close = c === '[' ? pattern.indexOf(']', i + 2) : -1;
    if (close > 0) {
      const inside = pattern
        .slice(i + 1, close)
        .replace(/^!/, '^')
        .replace(/\\/g, '\\\\');
      source += `[${inside}]`;
      i = close;
    } else if (c === '*') source += '[^/]*';
    else if (c === '?') source += '[^/]';
    else if (c === '{') {
      depth += 1;
      source += '(?:';
    } else if (c === '}' && depth > 0) {
      depth -= 1;
      source += ')';
    } else if (c === ',' && depth > 0) source += '|';
    else source += c.replace(/[.+^$()|\\[\]{}]/g, '\\$&');
  }
  const regex = new RegExp(`^${source}${')'.repeat(depth)}$`, 'u');
  const dotted = pattern.startsWith('.');
  return (name) => (dotted || !name.startsWith('.')) && regex.test(name);
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
