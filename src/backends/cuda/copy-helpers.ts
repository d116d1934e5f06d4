/** Functions that copy to shared memory while a thread goes on, of GPUs from sm_80 on, in PTX. */
import { present } from '../../compiler/support/invariant.ts';
import type { CopyForms, Helper } from '../shared/dialect.ts';
import { callOf } from '../shared/forms.ts';

/** Bytes that one copy can have. */
const SIZES = [4, 8, 16] as const;

/** PTX ISA, "cp.async": `.cg` leaves the cache of the multiprocessor out, and is for 16 bytes alone. */
const instruction = (bytes: number): string => `cp.async.${bytes === 16 ? 'cg' : 'ca'}.shared.global`;

const copy = (bytes: number): Helper => ({
  name: `copy_${bytes}`,
  text: `
// Begins to copy ${bytes} bytes to shared memory.
__device__ inline void copy_${bytes}(void* to, const void* from) {
  asm volatile("${instruction(bytes)} [%0], [%1], ${bytes};"
               :: "r"(unsigned(__cvta_generic_to_shared(to))), "l"(__cvta_generic_to_global(from)) : "memory");
}`.trim(),
  needs: [],
});

const copyOrZeros = (bytes: number): Helper => ({
  name: `copy_${bytes}_or_zeros`,
  text: `
// Begins to copy ${bytes} bytes to shared memory, or to fill them with zeros.
__device__ inline void copy_${bytes}_or_zeros(void* to, const void* from, bool inside) {
  asm volatile("${instruction(bytes)} [%0], [%1], ${bytes}, %2;"
               :: "r"(unsigned(__cvta_generic_to_shared(to))), "l"(__cvta_generic_to_global(from)), "r"(inside ? ${bytes} : 0)
               : "memory");
}`.trim(),
  needs: [],
});

const COMMIT: Helper = {
  name: 'commit_copies',
  text: `
// Closes the group of the copies that the thread began since the last.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}`.trim(),
  needs: [],
};

const WAIT: Helper = {
  name: 'wait_copies',
  text: `
// Waits until no group of the thread's copies is under way but the last OPEN.
template <int OPEN>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" :: "n"(OPEN) : "memory");
}`.trim(),
  needs: [],
};

const COPY = new Map(SIZES.map((bytes) => [Number(bytes), copy(bytes)]));
const COPY_OR_ZEROS = new Map(SIZES.map((bytes) => [Number(bytes), copyOrZeros(bytes)]));

export const COPIES: CopyForms = {
  copy: (bytes) => callOf(present(COPY.get(bytes), `a copy of ${bytes} bytes`)),
  copyOrZeros: (bytes) => callOf(present(COPY_OR_ZEROS.get(bytes), `a copy of ${bytes} bytes`)),
  commit: callOf(COMMIT),
  wait: (open) => ({ kind: 'call', name: `${WAIT.name}<${open}>`, helper: WAIT }),
  addressOf: (element) => `&${element}`,
};

/** All of PTX, of which the processor has none: it has functions of these names, see the shim. */
export const COPY_HELPERS: readonly Helper[] = [...COPY.values(), ...COPY_OR_ZEROS.values(), COMMIT, WAIT];
