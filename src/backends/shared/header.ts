import type { Kernel, KernelBuffer } from '../../compiler/ir/kernel.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import { commentText } from './namer.ts';

/** What stands above a kernel: its name, what it computes and from which lines, and what one launch costs. */
export function headerOf(kernel: Kernel): readonly string[] {
  const costs = [
    ...(kernel.flops > 0 ? [`${metric(kernel.flops)}FLOP`] : []),
    ...(kernel.bytes > 0 ? [`${metric(kernel.bytes)}B moved`] : []),
  ];
  const doc = kernel.doc.flatMap((line) => wrapped(commentText(line)));
  const lines = [
    commentText(kernel.name),
    '',
    ...doc,
    ...(costs.length > 0 ? [`${costs.join(', ')} by one launch.`] : []),
  ];
  return lines[lines.length - 1] === '' ? lines.slice(0, -1) : lines;
}

/** From which lines of a spec a kernel is, as its header says; undefined when someone has removed it. */
export function sourceInHeader(text: string): string | undefined {
  const [header = ''] = text.split(/\n(?!\/\/)/, 1);
  return /\bSource: (.*?)\.(?: |$)/.exec(header.replaceAll(/\n\/\/ ?/g, ' '))?.[1];
}

const COLUMNS = 110;

/** A line as several, broken between words. */
function wrapped(line: string): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > COLUMNS) {
    const space = rest.lastIndexOf(' ', COLUMNS);
    if (space <= 0) break;
    lines.push(rest.slice(0, space));
    rest = rest.slice(space + 1);
  }
  return [...lines, rest];
}

/** What stands beside a buffer: its shape, and which part of it this binding is. */
export function bufferComment(buffer: KernelBuffer): string {
  const shape = `${isNarrow(buffer.type) ? `${buffer.type} ` : ''}${commentText(buffer.shape)}`;
  if (!buffer.window) return shape;
  const { start } = buffer.window;
  return `${shape}, elements ${start} to ${start + buffer.elements - 1}`;
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** `8.39 M`, `512 `: a number in thousands, ready for a unit. */
function metric(n: number): string {
  const power = n < 1000 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return power === 0 ? `${value} ` : `${Number(value.toPrecision(3))} ${PREFIXES[power]}`;
}
