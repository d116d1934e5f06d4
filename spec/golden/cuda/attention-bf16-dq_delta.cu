// dq_delta
//
// Computes dq [batch 2, time 300, kv 1, group 2, head 64]
// and delta [batch 2, time 300, kv 1, group 2]
// from q, k, v, o, lse, do.
// 128 queries per workgroup, 32 per subgroup, by 32 of the others at a time; multiplied in bf16.
// 69.4 MFLOP, 1.55 MB moved by one launch.

namespace tfm {

alignas(16) __shared__ unsigned short q_tile[9216];
alignas(16) __shared__ unsigned short do_tile[9216];
alignas(16) __shared__ unsigned short k_tile[2304];
alignas(16) __shared__ unsigned short v_tile[2304];

// Two numbers rounded to bf16, the first in the lower half of a word.
__device__ inline unsigned pair_bf16(float low, float high) {
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// Four numbers rounded to bf16.
__device__ inline uint2 four_bf16(float4 x) {
  return make_uint2(pair_bf16(x.x, x.y), pair_bf16(x.z, x.w));
}

// The value that a lane of the warp has; all of its lanes take part.
__device__ inline float shuffle(float value, unsigned lane) {
  return __shfl_sync(0xffffffffu, value, int(lane));
}

// 16 lines of an operand by 16 places along the sum; each lane of a warp has four pairs of elements.
struct Fragment {
  unsigned pairs[4];
};

// Loads four matrices of 8 by 8, each lane with the address of a row.
__device__ inline void ldmatrix_x4(unsigned* pairs, const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
}

// Rows whose elements lie side by side along the sum.
__device__ inline Fragment load_rows(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4(f.pairs, first + lane % 16 * stride + lane / 16 * 8);
  return f;
}

// Columns whose elements lie side by side along the sum.
__device__ inline Fragment load_columns(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4(f.pairs, first + (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8);
  return f;
}

// Adds the product of 16 rows and 8 columns, whose elements are pairs in words, to the 4 of their sums that a lane has.
__device__ inline void mma_16x8x16_bf16(float* sums, const unsigned* rows, unsigned first, unsigned second) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "r"(first), "r"(second));
}

// Adds the product of two fragments to the 8 of its sums that a lane has.
__device__ inline void multiply_bf16(float* sums, const Fragment& row, const Fragment& column) {
  mma_16x8x16_bf16(sums, row.pairs, column.pairs[0], column.pairs[1]);
  mma_16x8x16_bf16(sums + 4, row.pairs, column.pairs[2], column.pairs[3]);
}

// Two to the power of x, as one instruction; 0 where that is not normal.
__device__ inline float raise_2(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// The 8 sums of a lane as its elements of a fragment of rows.
__device__ inline Fragment fragment_bf16(const float* sums) {
  return {{pair_bf16(sums[0], sums[1]), pair_bf16(sums[2], sums[3]), pair_bf16(sums[4], sums[5]), pair_bf16(sums[6], sums[7])}};
}

// Loads four matrices of 8 by 8, each lane with the address of a row, and transposes them.
__device__ inline void ldmatrix_x4_trans(unsigned* pairs, const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
}

// Columns whose lines lie side by side.
__device__ inline Fragment load_columns_of_lines(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4_trans(f.pairs, first + lane % 16 * stride + lane / 16 * 8);
  return f;
}

// The score of a key for a query; very low where it is masked.
__device__ inline float score(unsigned i, unsigned j, float s) {
  return j < 300 && int(j) <= int(i) ? s : -1e+30f;
}

extern "C" __global__ void __launch_bounds__(128, 1) kernel(
  const float* __restrict__ q,    // [batch 2, time 300, kv 1, group 2, head 64]
  const float* __restrict__ do_2, // [batch 2, time 300, kv 1, group 2, head 64]
  const float* __restrict__ lse,  // [batch 2, time 300, kv 1, group 2]
  const float* __restrict__ o,    // [batch 2, time 300, kv 1, group 2, head 64]
  const float* __restrict__ k,    // [batch 2, time 300, kv 1, head 64]
  const float* __restrict__ v,    // [batch 2, time 300, kv 1, head 64]
  float* __restrict__ dq,         // [batch 2, time 300, kv 1, group 2, head 64]
  float* __restrict__ delta       // [batch 2, time 300, kv 1, group 2]
) {
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned subgroup_lane = threadIdx.x % 32;
  const unsigned outer = group / 3;
  const unsigned first_query = group % 3 * 128;
  const unsigned row_team = lane / 32;
  for (unsigned place = lane; place < 2048; place += 128) {
    const unsigned at = outer / 2 * 9600 + min(first_query + place / 16, 299) * 32;
    const unsigned at_2 = at + outer % 2 * 16 + place % 16;
    reinterpret_cast<uint2*>(q_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(q)[at_2]);
  }
  for (unsigned place = lane; place < 2048; place += 128) {
    const unsigned at = outer / 2 * 9600 + min(first_query + place / 16, 299) * 32;
    const unsigned at_2 = at + outer % 2 * 16 + place % 16;
    reinterpret_cast<uint2*>(do_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(do_2)[at_2]);
  }
  float gradient[64] = {};
  float log_sum[4] = {};
  float delta_2[4] = {};
  const unsigned at = subgroup_lane / 2 * 2 + (subgroup_lane + 1) % 2;
  const unsigned at_2 = subgroup_lane / 4 * 4 + (subgroup_lane + 2) % 4;
  #pragma unroll
  for (unsigned row = 0u; row < 4; row++) {
    const unsigned at_3 = first_query + row_team * 32 + row * 8 + subgroup_lane / 4;
    const unsigned at_4 = min(at_3, 299);
    const unsigned at_5 = outer / 2 * 600 + at_4 * 2 + outer % 2;
    log_sum[row] = lse[at_5] * 1.442695f;
    float part = 0.0f;
    const unsigned at_6 = outer / 2 * 38400 + at_4 * 128 + outer % 2 * 64;
    for (unsigned place = subgroup_lane % 4; place < 64; place += 4) {
      const unsigned at_7 = at_6 + place;
      part += o[at_7] * do_2[at_7];
    }
    const float sum = part;
    const float sum_there = shuffle(sum, at);
    const float sum_2 = sum + sum_there;
    const float sum_there_2 = shuffle(sum_2, at_2);
    const float sum_3 = sum_2 + sum_there_2;
    delta_2[row] = sum_3;
  }
  for (unsigned first_key = 0u; first_key < min(first_query + 128, 300); first_key += 32) {
    for (unsigned place = lane; place < 512; place += 128) {
      const unsigned at_3 = outer / 2 * 4800 + min(first_key + place / 16, 299) * 16;
      reinterpret_cast<uint2*>(k_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(k)[at_3 + place % 16]);
    }
    for (unsigned place = lane; place < 512; place += 128) {
      const unsigned at_3 = outer / 2 * 4800 + min(first_key + place / 16, 299) * 16;
      reinterpret_cast<uint2*>(v_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(v)[at_3 + place % 16]);
    }
    __syncthreads();
    float product[32] = {};
    for (unsigned place = 0u; place < 64; place += 16) {
      const Fragment q_0 = load_rows(&q_tile[row_team * 2304 + place], 72);
      const Fragment q_1 = load_rows(&q_tile[row_team * 2304 + place + 1152], 72);
      #pragma unroll
      for (unsigned square = 0u; square < 2; square++) {
        const Fragment k_2 = load_columns(&k_tile[square * 1152 + place], 72);
        multiply_bf16(&product[square * 8], q_0, k_2);
        multiply_bf16(&product[square * 8 + 16], q_1, k_2);
      }
    }
    float of_weight[32] = {};
    for (unsigned place = 0u; place < 64; place += 16) {
      const Fragment do_0 = load_rows(&do_tile[row_team * 2304 + place], 72);
      const Fragment do_1 = load_rows(&do_tile[row_team * 2304 + place + 1152], 72);
      #pragma unroll
      for (unsigned square = 0u; square < 2; square++) {
        const Fragment v_2 = load_columns(&v_tile[square * 1152 + place], 72);
        multiply_bf16(&of_weight[square * 8], do_0, v_2);
        multiply_bf16(&of_weight[square * 8 + 16], do_1, v_2);
      }
    }
    #pragma unroll
    for (unsigned row = 0u; row < 4; row++) {
      const unsigned at_3 = first_query + row_team * 32 + row * 8 + subgroup_lane / 4;
      #pragma unroll
      for (unsigned n = 0u; n < 8; n++) {
        const unsigned at_4 = row / 2 * 16 + n / 2 * 4;
        const unsigned at_5 = at_4 + n % 2 + row % 2 * 2;
        const float scaled = product[at_5] * 0.18033688f - log_sum[row];
        const unsigned at_6 = first_key + n / 4 * 16 + subgroup_lane % 4 * 2;
        const unsigned at_7 = n / 2 % 2 * 4 + n % 2;
        const unsigned at_8 = at_6 + at_7 % 2 + at_7 / 4 * 8;
        product[at_5] = raise_2(score(at_3, at_8, scaled)) * (of_weight[at_5] - delta_2[row]);
      }
    }
    #pragma unroll
    for (unsigned square = 0u; square < 2; square++) {
      const Fragment of_scores_0 = fragment_bf16(&product[square * 8]);
      const Fragment of_scores_1 = fragment_bf16(&product[square * 8 + 16]);
      #pragma unroll
      for (unsigned column = 0u; column < 4; column++) {
        const Fragment k_2 = load_columns_of_lines(&k_tile[square * 1152 + column * 16], 72);
        multiply_bf16(&gradient[column * 8], of_scores_0, k_2);
        multiply_bf16(&gradient[column * 8 + 32], of_scores_1, k_2);
      }
    }
    __syncthreads();
  }
  #pragma unroll
  for (unsigned row = 0u; row < 4; row++) {
    const unsigned at_3 = first_query + row_team * 32 + row * 8 + subgroup_lane / 4;
    if (at_3 < 300) {
      const unsigned at_4 = outer / 2 * 38400 + min(at_3, 299) * 128;
      const unsigned at_5 = at_4 + outer % 2 * 64;
      #pragma unroll
      for (unsigned n = 0u; n < 16; n++) {
        const unsigned at_6 = at_5 + n / 4 * 16 + subgroup_lane % 4 * 2;
        const unsigned at_7 = n / 2 % 2 * 4 + n % 2;
        const unsigned at_8 = at_6 + at_7 % 2 + at_7 / 4 * 8;
        const unsigned at_9 = row / 2 * 32 + n / 2 * 4;
        const unsigned at_10 = at_9 + n % 2 + row % 2 * 2;
        dq[at_8] = gradient[at_10] * 0.125f;
      }
    }
  }
  #pragma unroll
  for (unsigned row = 0u; row < 4; row++) {
    const unsigned at_3 = first_query + row_team * 32 + row * 8 + subgroup_lane / 4;
    if (at_3 < 300) {
      if (subgroup_lane % 4 == 0) {
        const unsigned at_4 = outer / 2 * 600 + min(at_3, 299) * 2;
        delta[at_4 + outer % 2] = delta_2[row];
      }
    }
  }
}

}
