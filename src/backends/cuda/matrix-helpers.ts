/** Functions for the matrix units of GPUs from sm_80 on, in PTX, which has words for them where CUDA C++ has none. */
import type { NarrowType } from '../../compiler/ir/kernel.ts';
import type { Along, FragmentSide, Helper, MatrixForms } from '../shared/dialect.ts';
import { callOf } from '../shared/forms.ts';

function helper(name: string, text: string, needs: readonly Helper[] = []): Helper {
  return { name, text: text.trim(), needs };
}

/** Two numbers as one word, the first in its lower half. */
const pair = (type: NarrowType): Helper =>
  helper(
    `pair_${type}`,
    `
// Two numbers rounded to ${type}, the first in the lower half of a word.
__device__ inline unsigned pair_${type}(float low, float high) {
  unsigned word;
  asm("cvt.rn.${type}x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}`,
  );

const PAIR: { readonly [T in NarrowType]: Helper } = { bf16: pair('bf16'), f16: pair('f16') };

const four = (type: NarrowType): Helper =>
  helper(
    `four_${type}`,
    `
// Four numbers rounded to ${type}.
__device__ inline uint2 four_${type}(float4 x) {
  return make_uint2(pair_${type}(x.x, x.y), pair_${type}(x.z, x.w));
}`,
    [PAIR[type]],
  );

const FRAGMENT = helper(
  'Fragment',
  `
// 16 lines of an operand by 16 places along the sum; each lane of a warp has four pairs of elements.
struct Fragment {
  unsigned pairs[4];
};`,
);

/** PTX ISA, "ldmatrix": four matrices of 8 by 8, of whose rows lane l gives the address of row l % 8 of matrix l / 8. */
const ldmatrix = (name: string, modifier: string, doc: string): Helper =>
  helper(
    name,
    `
// Loads four matrices of 8 by 8, each lane with the address of a row${doc}.
__device__ inline void ${name}(unsigned* pairs, const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4${modifier}.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
}`,
  );

const LDMATRIX = ldmatrix('ldmatrix_x4', '', '');
const LDMATRIX_TRANSPOSED = ldmatrix('ldmatrix_x4_trans', '.trans', ', and transposes them');

const load = (name: string, doc: string, place: string, matrices: Helper): Helper =>
  helper(
    name,
    `
// ${doc}
__device__ inline Fragment ${name}(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ${matrices.name}(f.pairs, first + ${place});
  return f;
}`,
    [FRAGMENT, matrices],
  );

/** The row of a matrix whose address a lane gives: matrices 0 and 1 lie one below the other, or side by side. */
const BELOW = 'lane % 16 * stride + lane / 16 * 8';
const BESIDE = '(lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8';

/**
 * The order of the four matrices is that of the registers in which "mma" wants them: of rows, both halves of the lines come
 * first, and of columns, both halves of the places of 8 lines, as these two have to be neighbours.
 */
const LOAD: { readonly [S in FragmentSide]: { readonly [A in Along]: Helper } } = {
  row: {
    sum: load('load_rows', 'Rows whose elements lie side by side along the sum.', BELOW, LDMATRIX),
    lines: load('load_rows_of_lines', 'Rows whose lines lie side by side.', BESIDE, LDMATRIX_TRANSPOSED),
  },
  column: {
    sum: load('load_columns', 'Columns whose elements lie side by side along the sum.', BESIDE, LDMATRIX),
    lines: load('load_columns_of_lines', 'Columns whose lines lie side by side.', BELOW, LDMATRIX_TRANSPOSED),
  },
};

/** PTX ISA, "mma.sync.m16n8k16". Volatile, so that it stays where all lanes come to it. */
const mma = (type: NarrowType): Helper =>
  helper(
    `mma_16x8x16_${type}`,
    `
// Adds the product of 16 rows and 8 columns, whose elements are pairs in words, to the 4 of their sums that a lane has.
__device__ inline void mma_16x8x16_${type}(float* sums, const unsigned* rows, unsigned first, unsigned second) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.${type}.${type}.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "r"(first), "r"(second));
}`,
  );

const MMA: { readonly [T in NarrowType]: Helper } = { bf16: mma('bf16'), f16: mma('f16') };

const multiply = (type: NarrowType): Helper =>
  helper(
    `multiply_${type}`,
    `
// Adds the product of two fragments to the 8 of its sums that a lane has.
__device__ inline void multiply_${type}(float* sums, const Fragment& row, const Fragment& column) {
  ${MMA[type].name}(sums, row.pairs, column.pairs[0], column.pairs[1]);
  ${MMA[type].name}(sums + 4, row.pairs, column.pairs[2], column.pairs[3]);
}`,
    [FRAGMENT, MMA[type]],
  );

const round = (type: NarrowType): Helper =>
  helper(
    `fragment_${type}`,
    `
// The 8 sums of a lane as its elements of a fragment of rows.
__device__ inline Fragment fragment_${type}(const float* sums) {
  return {{${[0, 2, 4, 6].map((n) => `pair_${type}(sums[${n}], sums[${n + 1}])`).join(', ')}}};
}`,
    [FRAGMENT, PAIR[type]],
  );

const ROUND = { bf16: round('bf16'), f16: round('f16') };
const MULTIPLY = { bf16: multiply('bf16'), f16: multiply('f16') };
const IN_FOURS = { bf16: four('bf16'), f16: four('f16') };

export const MATRICES: MatrixForms = {
  four: { bf16: callOf(IN_FOURS.bf16), f16: callOf(IN_FOURS.f16) },
  fourAt: (array, index) => `reinterpret_cast<uint2*>(${array})[${index}]`,
  loadFragment: {
    row: { sum: callOf(LOAD.row.sum), lines: callOf(LOAD.row.lines) },
    column: { sum: callOf(LOAD.column.sum), lines: callOf(LOAD.column.lines) },
  },
  roundFragment: { bf16: callOf(ROUND.bf16), f16: callOf(ROUND.f16) },
  defineFragment: (name, value) => `const Fragment ${name} = ${value};`,
  addressOf: (element) => `&${element}`,
  multiply: { bf16: callOf(MULTIPLY.bf16), f16: callOf(MULTIPLY.f16) },
};

/** Those of PTX, of which the processor has none: it has functions of these names, see the shim. */
export const MATRIX_PTX: readonly Helper[] = [PAIR.bf16, PAIR.f16, LDMATRIX, LDMATRIX_TRANSPOSED, MMA.bf16, MMA.f16];

/** Those that a kernel could hide by a name of its own. */
export const MATRIX_HELPERS: readonly Helper[] = [
  ...MATRIX_PTX,
  ...[IN_FOURS, ROUND, MULTIPLY].flatMap(({ bf16, f16 }) => [bf16, f16]),
  ...[FRAGMENT, LOAD.row.sum, LOAD.row.lines, LOAD.column.sum, LOAD.column.lines],
];
