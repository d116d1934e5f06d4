/** A plain value as a TypeScript literal. Unlike JSON it says `undefined` where a type asks for the key. */
export function literalText(value: unknown, indent = ''): string {
  const inner = `${indent}  `;
  const lines = (open: string, items: readonly string[], close: string): string =>
    items.length === 0 ? open + close : `${open}\n${items.map((i) => `${inner}${i},\n`).join('')}${indent}${close}`;
  if (Array.isArray(value)) {
    return lines(
      '[',
      value.map((item) => literalText(item, inner)),
      ']',
    );
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${keyText(key)}: ${literalText(item, inner)}`);
    return lines('{', entries, '}');
  }
  if (typeof value === 'string') return quoted(value);
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** A key of an object or an interface, quoted where it must be. */
export function keyText(key: string): string {
  return /^[a-zA-Z_]\w*$/.test(key) ? key : quoted(key);
}

function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
