/** Changes that mend a fault, for the tables of diagnostics. */
import type { Span } from '../support/source.ts';
import type { Fix } from './diagnostic.ts';

/** Writes `text` in the place that is wrong; nothing where there is none to write. */
export function replaceWith(text: string | undefined, span: Span): readonly Fix[] {
  return text === undefined ? [] : [{ title: `Replace with \`${text}\``, edits: [{ span, text }] }];
}

/** Brings `name` in from a library module: into a `use` of that module if there is one, or on a line of its own. */
export function useFrom(module: string, name: string, { source }: Span): Fix {
  const title = `Add \`use ${module}.{${name}}\``;
  const edit = (at: number, text: string): Fix => ({ title, edits: [{ span: { source, start: at, end: at }, text }] });
  const { text } = source;
  const uses = [...text.matchAll(/^use[ \t]+([\w.]+)\.\{([^}]*)\}|^use\b.*/gm)];
  const same = uses.find((use) => use[1] === module && use[2]?.trim());
  if (same?.[2] !== undefined) {
    const end = same.index + same[0].length - 1;
    const before = text.slice(0, end).trimEnd();
    return edit(before.length, before.endsWith(',') ? ` ${name}` : `, ${name}`);
  }
  const last = uses.at(-1);
  const line = `use ${module}.{${name}}`;
  if (last) return edit(last.index + last[0].length, `\n${line}`);
  // Behind the comment that a file begins with, if a blank line ends it.
  const [head = ''] = /^(?:\/\/(?!\/)[^\n]*\n)+\s*\n/.exec(text) ?? [];
  return edit(head.length, `${line}\n\n`);
}
