import type { Helper } from '../../shared/dialect.ts';
import { COPY_HELPERS } from '../copy-helpers.ts';
import type { CudaSource } from '../driver.ts';
import { PTX_HELPERS } from '../helpers.ts';
import { entryAmong, keptApart, namespaceAmong } from '../keep-apart.ts';
import { MATRIX_PTX } from '../matrix-helpers.ts';
import { SHIM } from './shim.ts';

/**
 * Kernels as one C++ file that exports `tfm_launch(kernel, blocks, threads, args, offsets)`. The texts are unchanged, but for
 * helpers of PTX, which the shim has as functions: macros give each an entry point, a namespace and shared memory of its own.
 */
export function libraryText(sources: readonly CudaSource[]): string {
  return [SHIM, ...sources.map(kernelText), tableText(sources.map(({ text }) => text))].join('\n');
}

function kernelText(source: CudaSource, k: number): string {
  return keptApart({ ...source, text: forHost(source.text) }, k, {
    __shared__: `static __attribute__((used, section("${sectionOf(k)}")))`,
  });
}

/** Helpers in whose place the shim has functions. */
export const SHIMMED: readonly Helper[] = [...PTX_HELPERS, ...MATRIX_PTX, ...COPY_HELPERS];

/** The text without helpers of PTX, and with the shared memory that it asks for declared; its lines keep their numbers. */
function forHost(text: string): string {
  const own = SHIMMED.reduce((rest, { text: ptx }) => rest.replace(ptx, ptx.replaceAll(/[^\n]/g, '')), text);
  return own.replace(/^extern (__shared__ \w+ \w+)\[\];$/m, '$1[1];');
}

const sectionOf = (k: number): string => `tfm_shared_${k}`;

/** The linker says where a section begins and ends. */
function tableText(texts: readonly string[]): string {
  const hasShared = (text: string): boolean => text.includes('__shared__');
  const bounds = texts.flatMap((text, k) =>
    hasShared(text)
      ? [
          `extern "C" __attribute__((visibility("hidden"))) unsigned char __start_${sectionOf(k)}[], __stop_${sectionOf(k)}[];`,
        ]
      : [],
  );
  const rows = texts.map((text, k) => {
    const entry = `${namespaceAmong(k)}::${entryAmong(k)}`;
    const body = `[](unsigned char* args, const unsigned* offsets) { shim::call(${entry}, args, offsets); }`;
    const shared = hasShared(text) ? `__start_${sectionOf(k)}, __stop_${sectionOf(k)}` : 'nullptr, nullptr';
    return `  {${body}, ${/__syncthreads|__shfl_sync|\bmma_|\bldmatrix_|\bwait_copies/.test(text)}, ${shared}},`;
  });
  return [
    ...bounds,
    `static const shim::Kernel KERNELS[] = {\n${rows.join('\n')}\n};`,
    'extern "C" __attribute__((visibility("default"))) int tfm_launch(unsigned kernel, unsigned blocks, unsigned threads,',
    '                                                                 unsigned char* args, const unsigned* offsets) {',
    '  return shim::launch(KERNELS[kernel], blocks, threads, args, offsets);',
    '}',
    '',
  ].join('\n');
}
