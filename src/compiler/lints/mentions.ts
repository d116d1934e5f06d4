/** The names that a syntax tree mentions, other than where it binds them. */
import type { File } from '../syntax/ast.ts';

const found = new WeakMap<File, ReadonlySet<string>>();

/** Names of values, axes and fields, and the segments of selectors and paths. */
export function mentionsIn(file: File): ReadonlySet<string> {
  const known = found.get(file);
  if (known) return known;
  const names = new Set<string>();
  for (const item of file.items) visit(item, names);
  found.set(file, names);
  return names;
}

/** Keys under which a tree holds a name that it mentions. Other names are bound there, or are keys of records and arguments. */
const MENTIONED = new Set(['key', 'axis', 'axes', 'from', 'to']);

function visit(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) {
    for (const part of node) visit(part, names);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const fields = Object.entries(node);
  const kind: unknown = 'kind' in node ? node.kind : undefined;
  for (const [key, value] of fields) {
    if (key === 'span') continue;
    if (kind === 'name' && key === 'name') addName(value, names);
    if (MENTIONED.has(key) || isDim(kind) || isSegment(kind)) addName(value, names);
    visit(value, names);
  }
}

const isDim = (kind: unknown): boolean => kind === 'axis-dim' || kind === 'row-dim';
const isSegment = (kind: unknown): boolean => kind === 'one' || kind === 'choice';

/** A name, the text of one, or a list of names. */
function addName(value: unknown, names: Set<string>): void {
  if (typeof value === 'string') names.add(value);
  else if (Array.isArray(value)) for (const part of value) addName(part, names);
  else if (typeof value === 'object' && value !== null && 'text' in value && !('kind' in value))
    addName(value.text, names);
}
