/** What the driver has against a kernel, at its place in the kernel and with the lines of the spec that it computes. */
import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { makeSource } from '../../compiler/support/source.ts';
import { sourceInHeader } from '../shared/header.ts';

export interface RefusedKernel {
  readonly file: string;
  readonly code: string;
  /** The text is from a file that someone may have edited. */
  readonly fromFiles: boolean;
}

/** The text is no program. `message` is what to say when the driver tells no place. */
export async function refusedModule(kernel: RefusedKernel, module: GPUShaderModule, message: string): Promise<Failure> {
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((m) => m.type === 'error');
  if (!first || first.lineNum === 0) return refused(kernel, 'ours', firstLine(message));
  const span = { source: makeSource(kernel.file, kernel.code), start: first.offset, end: first.offset + first.length };
  return refused(kernel, 'ours', firstLine(first.message), { span });
}

/** The text is a program that does not fit its bindings or the device, or with which the driver cannot cope. */
export function refusedPipeline(kernel: RefusedKernel, error: unknown): Failure {
  const isOurs = error instanceof Error && 'reason' in error && error.reason === 'validation';
  return refused(kernel, isOurs ? 'ours' : 'theirs', firstLine(error instanceof Error ? error.message : String(error)));
}

function refused(
  { file, code, fromFiles }: RefusedKernel,
  fault: 'ours' | 'theirs',
  reason: string,
  place: Parameters<typeof deviceFailure>[2] = {},
): Failure {
  const name = fault === 'ours' && !fromFiles ? 'kernel-defect' : 'kernel-refused';
  return deviceFailure(name, { file, source: sourceInHeader(code), reason }, place);
}

/** The line of a driver's message that says what is wrong; the others say in which of its calls. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^Error while parsing WGSL: /, '');
}
