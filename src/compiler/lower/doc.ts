/** The header of a kernel: what it computes and from which lines. Backends add what it costs. */
import type { Region } from '../ir/region.ts';
import { positionAt, type Span } from '../support/source.ts';
import { type LowerContext, opOf } from './context.ts';
import { pathOf } from './names.ts';
import { shapeText } from './resources.ts';

/** `spread` says how the work is spread over invocations. */
export function regionDoc(context: LowerContext, region: Region, spread: string): readonly string[] {
  const made = region.roots.map(
    (id, i) => `${i === 0 ? 'Computes' : 'and'} ${pathOf(context, id)} ${shapeText(context, id)}`,
  );
  const read = [...new Set(region.reads.map((id) => pathOf(context, id)))];
  const spans = region.members.flatMap((id) => opOf(context, id)?.span ?? []);
  const lines = sourceLines(spans);
  return [
    ...endedWith('.', read.length === 0 ? made : [...made, `from ${read.join(', ')}`]),
    ...(lines === '' ? [] : [`Source: ${lines}.`]),
    spread,
  ];
}

function endedWith(end: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, i) => (i === lines.length - 1 ? `${line}${end}` : line));
}

/** `model.tfm:12-14,20, std/norms.tfm:5`. */
export function sourceLines(spans: readonly Span[]): string {
  const ranges = new Map<string, Set<number>>();
  for (const span of spans) {
    if (span.source.text === '') continue;
    const lines = ranges.get(span.source.path) ?? new Set<number>();
    const last = positionAt(span.source, span.end).line;
    for (let line = positionAt(span.source, span.start).line; line <= last; line++) lines.add(line);
    ranges.set(span.source.path, lines);
  }
  return [...ranges].map(([path, lines]) => `${path}:${rangesText(lines)}`).join(', ');
}

function rangesText(lines: ReadonlySet<number>): string {
  const parts: { from: number; to: number }[] = [];
  for (const line of [...lines].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last.to === line - 1) last.to = line;
    else parts.push({ from: line, to: line });
  }
  return parts.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
