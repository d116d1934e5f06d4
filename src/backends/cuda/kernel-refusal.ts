import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { makeSource } from '../../compiler/support/source.ts';
import type { KernelTexts } from '../device.ts';
import { sourceInHeader } from '../shared/header.ts';

export interface RefusalPlace {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** What a compiler has against a kernel, in its words. */
export class KernelRefusal extends Error {
  readonly file: string;
  readonly reason: string;
  readonly place: RefusalPlace | undefined;

  constructor(file: string, reason: string, place?: RefusalPlace) {
    super(`${file}: ${reason}`);
    this.file = file;
    this.reason = reason;
    this.place = place;
  }
}

/** The first error among a compiler's messages, as g++, clang and NVRTC write them; undefined when there is none. */
export function refusalIn(messages: string): KernelRefusal | undefined {
  const gnu = /^(.+?):(\d+):(\d+): (?:fatal )?error: (.*)$/m.exec(messages);
  if (gnu) return new KernelRefusal(gnu[1] ?? '', gnu[4] ?? '', { line: Number(gnu[2]), column: Number(gnu[3]) });
  const nvidia = /^(.+?)\((\d+)\): (?:catastrophic )?error(?: #[\w-]+)?: (.*)$/m.exec(messages);
  return nvidia
    ? new KernelRefusal(nvidia[1] ?? '', nvidia[3] ?? '', { line: Number(nvidia[2]), column: 1 })
    : undefined;
}

/** A refusal of a kernel that tfm wrote just now is a defect of ours; one from a file may have been edited. */
export function refusedFailure(refusal: KernelRefusal, texts: KernelTexts, fromFiles: boolean): Failure {
  return failureOf(fromFiles ? 'kernel-refused' : 'kernel-defect', refusal, texts);
}

/** The failure that a refusal of a kernel of ours is. */
export function kernelDefect(refusal: KernelRefusal, texts: KernelTexts): Failure {
  return failureOf('kernel-defect', refusal, texts);
}

function failureOf(
  name: 'kernel-refused' | 'kernel-defect',
  { file, reason, place }: KernelRefusal,
  texts: KernelTexts,
): Failure {
  const code = texts[file] ?? '';
  const source = makeSource(file, code);
  const lines = code.split('\n');
  const start = place && lines.slice(0, place.line - 1).reduce((sum, line) => sum + line.length + 1, place.column - 1);
  const span = start === undefined || start >= code.length ? {} : { span: { source, start, end: start + 1 } };
  return deviceFailure(name, { file, source: sourceInHeader(code), reason }, span);
}
