import { COPY_FUNCTIONS, COPY_TYPES } from './shim-copies.ts';

/**
 * What stands before kernels in CUDA C++ so that a C++ compiler of the machine takes them: the words of CUDA, and a way to run
 * the threads of a block in turns on one CPU.
 *
 * A thread of a cooperating kernel is a fiber with a stack of its own. It runs until it stops at a barrier, at what a warp
 * does together (a shuffle, the product of two fragments) or at its end; when all threads of a warp have stopped, that is
 * done, and when all of a block have stopped at a barrier, they go on. Threads that stop at different things are found, which a GPU would not
 * tell. Races are not found, because there is one order of all accesses and it is always the same.
 *
 * A copy to shared memory that goes on beside the thread is done as late as can be: when the thread waits for its group. Until then
 * there is NaN at the place, so that a wait or a barrier that is missing gives other numbers.
 */
export const SHIM = `
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
struct alignas(8) uint2 {
  unsigned x, y;
};
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

struct Place {
  unsigned x, y, z;
};
static Place threadIdx, blockIdx, blockDim, gridDim;

#define __global__
#define __device__
#define __grid_constant__
#define __launch_bounds__(...)

using std::abs;
static inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
static inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
static inline unsigned min(unsigned a, int b) { return min(a, unsigned(b)); }
static inline unsigned min(int a, unsigned b) { return min(unsigned(a), b); }
static inline unsigned max(unsigned a, int b) { return max(a, unsigned(b)); }
static inline unsigned max(int a, unsigned b) { return max(unsigned(a), b); }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline unsigned __float_as_uint(float x) {
  unsigned bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float __uint_as_float(unsigned bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// In the place of helpers that are PTX.
static inline float raise_2(float x) { return __builtin_exp2f(x); }
static inline unsigned short to_bf16(float x) {
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
static inline unsigned short to_f16(float x) {
  const unsigned bits = __float_as_uint(x), sign = (bits >> 16) & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return 0x7fff;
  // From half way beyond the largest half on; below the smallest normal one, whole multiples of 2^-24; else another bias.
  if (size >= 0x477ff000u) return sign | 0x7c00u;
  if (size < 0x38800000u) return sign | unsigned(nearbyintf(__uint_as_float(size) * 16777216.0f));
  return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13);
}
static inline float from_f16(unsigned short bits) {
  const unsigned sign = (bits & 0x8000u) << 16, size = bits & 0x7fffu;
  if (size < 0x400u) return (sign ? -1.0f : 1.0f) * (float(size) / 16777216.0f);
  return __uint_as_float(sign | ((size << 13) + (size < 0x7c00u ? 0x38000000u : 0x70000000u)));
}

namespace shim {

${COPY_TYPES}

enum Stop { AT_END, AT_BARRIER, AT_MEETING, BAD_COPY };
enum Outcome { FINE, PARTED, NO_SUCH_LANE, NO_MEMORY, ASKEW, UNCOPIED };

constexpr unsigned WARP = 32, MOST_THREADS = 1024;
constexpr size_t STACK_BYTES = 512 * 1024;

using Body = void (*)(unsigned char* args, const unsigned* offsets);

struct Fiber;
// What the lanes of a warp do together, when all of them have come to it.
using Meeting = Outcome (*)(Fiber* lanes, unsigned count);

struct Fiber {
  Stop stop;
  Meeting meeting;
  // What it brings to the meeting, and where it wants what it gets.
  void* own;
#if defined(__x86_64__)
  void* stack;
#else
  ucontext_t context;
#endif
};

static Fiber fibers[MOST_THREADS];
static Copies copies[MOST_THREADS];
static unsigned running;
static unsigned char* stacks;
static Body body;
static unsigned char* body_args;
static const unsigned* body_offsets;

#if defined(__x86_64__)
static void* scheduler;
extern "C" void tfm_switch(void** from, void* to);
// Saves what a function must leave as it was, and takes up the other stack where it was left.
asm(R"(
.text
.globl tfm_switch
.hidden tfm_switch
.type tfm_switch, @function
tfm_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size tfm_switch, .-tfm_switch
)");
static void leave() { tfm_switch(&fibers[running].stack, scheduler); }
static void enter(unsigned i) {
  running = i;
  threadIdx.x = i;
  tfm_switch(&scheduler, fibers[i].stack);
}
#else
static ucontext_t scheduler;
static void leave() { swapcontext(&fibers[running].context, &scheduler); }
static void enter(unsigned i) {
  running = i;
  threadIdx.x = i;
  swapcontext(&scheduler, &fibers[i].context);
}
#endif

static void begin() {
  body(body_args, body_offsets);
  fibers[running].stop = AT_END;
  leave();
  abort();
}

static void prepare(unsigned i) {
  copies[i].count = copies[i].closed = 0;
  unsigned char* stack = stacks + size_t(i) * STACK_BYTES;
#if defined(__x86_64__)
  // As if begin had been called: its return address, which is never used, keeps the stack aligned.
  void** top = reinterpret_cast<void**>(stack + STACK_BYTES);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&begin);
  for (int saved = 0; saved < 6; saved++) *--top = nullptr;
  fibers[i].stack = top;
#else
  getcontext(&fibers[i].context);
  fibers[i].context.uc_stack.ss_sp = stack;
  fibers[i].context.uc_stack.ss_size = STACK_BYTES;
  fibers[i].context.uc_link = nullptr;
  makecontext(&fibers[i].context, begin, 0);
#endif
}

static void stop_at(Stop stop) {
  fibers[running].stop = stop;
  leave();
}

// Runs a warp until all of its threads have stopped at a barrier or at their ends.
static Outcome run_warp(unsigned first, unsigned count, Stop& stop) {
  for (;;) {
    for (unsigned i = 0; i < count; i++) {
      enter(first + i);
      if (fibers[first + i].stop == BAD_COPY) return UNCOPIED;
    }
    stop = fibers[first].stop;
    for (unsigned i = 1; i < count; i++)
      if (fibers[first + i].stop != stop) return PARTED;
    if (stop != AT_MEETING) return FINE;
    for (unsigned i = 1; i < count; i++)
      if (fibers[first + i].meeting != fibers[first].meeting) return PARTED;
    const Outcome outcome = fibers[first].meeting(fibers + first, count);
    if (outcome != FINE) return outcome;
  }
}

static Outcome run_block(unsigned threads) {
  for (unsigned i = 0; i < threads; i++) prepare(i);
  for (;;) {
    Stop all = AT_END;
    for (unsigned first = 0; first < threads; first += WARP) {
      Stop stop;
      const Outcome outcome = run_warp(first, min(WARP, threads - first), stop);
      if (outcome != FINE) return outcome;
      if (first == 0) all = stop;
      if (stop != all) return PARTED;
    }
    if (all == AT_END) return FINE;
  }
}

template <typename... P, size_t... I>
static void call(void (*fn)(P...), unsigned char* args, const unsigned* offsets, std::index_sequence<I...>) {
  fn(*reinterpret_cast<P*>(args + offsets[I])...);
}
template <typename... P>
static void call(void (*fn)(P...), unsigned char* args, const unsigned* offsets) {
  call(fn, args, offsets, std::index_sequence_for<P...>());
}

struct Kernel {
  Body body;
  // Whether its threads wait for one another.
  bool cooperates;
  // Its shared memory.
  unsigned char *shared, *shared_end;
};

static int launch(const Kernel& kernel, unsigned blocks, unsigned threads, unsigned char* args, const unsigned* offsets) {
  body = kernel.body;
  body_args = args;
  body_offsets = offsets;
  gridDim = {blocks, 1, 1};
  blockDim = {threads, 1, 1};
  blockIdx = {0, 0, 0};
  threadIdx = {0, 0, 0};
  if (kernel.cooperates && stacks == nullptr) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* got = mmap(nullptr, MOST_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (got == MAP_FAILED) return NO_MEMORY;
    stacks = static_cast<unsigned char*>(got);
  }
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
    // What no thread has written yet is NaN.
    if (kernel.shared != nullptr) memset(kernel.shared, 0xff, size_t(kernel.shared_end - kernel.shared));
    if (kernel.cooperates) {
      const Outcome outcome = run_block(threads);
      if (outcome != FINE) return outcome;
    } else {
      for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) body(args, offsets);
    }
  }
  return FINE;
}

}

${COPY_FUNCTIONS}

static inline void __syncthreads() { shim::stop_at(shim::AT_BARRIER); }

namespace shim {

template <typename T>
static T& of(const Fiber& lane) { return *static_cast<T*>(lane.own); }

static void meet(Meeting meeting, void* own) {
  Fiber& fiber = fibers[running];
  fiber.meeting = meeting;
  fiber.own = own;
  stop_at(AT_MEETING);
}

struct Shuffle {
  float given;
  int from;
  float taken;
};

static Outcome shuffle(Fiber* lanes, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    Shuffle& own = of<Shuffle>(lanes[i]);
    if (own.from < 0 || unsigned(own.from) >= count) return NO_SUCH_LANE;
    own.taken = of<Shuffle>(lanes[own.from]).given;
  }
  return FINE;
}

constexpr unsigned LANES = 32;

struct Matrices {
  const unsigned short* row;
  unsigned* pairs;
};

// Of matrix m, lane l has the elements 2 (l % 4) and the next of row l / 4; or of column l / 4.
static Outcome load_matrices(Fiber* lanes, unsigned count, bool transposed) {
  if (count != LANES) return PARTED;
  for (unsigned i = 0; i < LANES; i++)
    if (reinterpret_cast<uintptr_t>(of<Matrices>(lanes[i]).row) % 16 != 0) return ASKEW;
  for (unsigned i = 0; i < LANES; i++)
    for (unsigned m = 0; m < 4; m++) {
      const auto at = [&](unsigned row, unsigned column) { return of<Matrices>(lanes[8 * m + row]).row[column]; };
      const unsigned line = i / 4, place = i % 4 * 2;
      const unsigned low = transposed ? at(place, line) : at(line, place);
      const unsigned high = transposed ? at(place + 1, line) : at(line, place + 1);
      of<Matrices>(lanes[i]).pairs[m] = low | high << 16;
    }
  return FINE;
}
static Outcome load_rows(Fiber* lanes, unsigned count) { return load_matrices(lanes, count, false); }
static Outcome load_columns(Fiber* lanes, unsigned count) { return load_matrices(lanes, count, true); }

static inline float upper_half(unsigned short bits) { return __uint_as_float(unsigned(bits) << 16); }

struct Product {
  float* sums;
  const unsigned* rows;
  unsigned columns[2];
};

// 16 rows and 8 columns, the products of each element added in their order.
template <float (*WIDEN)(unsigned short)>
static Outcome multiply(Fiber* lanes, unsigned count) {
  if (count != LANES) return PARTED;
  float a[16][16], b[16][8];
  for (unsigned i = 0; i < LANES; i++) {
    const Product& own = of<Product>(lanes[i]);
    for (unsigned half = 0; half < 2; half++) {
      const unsigned shift = 16 * half, place = i % 4 * 2 + half;
      for (unsigned k = 0; k < 4; k++) a[i / 4 + k % 2 * 8][place + k / 2 * 8] = WIDEN((unsigned short)(own.rows[k] >> shift));
      for (unsigned k = 0; k < 2; k++) b[place + k * 8][i / 4] = WIDEN((unsigned short)(own.columns[k] >> shift));
    }
  }
  for (unsigned i = 0; i < LANES; i++)
    for (unsigned k = 0; k < 4; k++) {
      float& sum = of<Product>(lanes[i]).sums[k];
      for (unsigned place = 0; place < 16; place++) sum += a[i / 4 + k / 2 * 8][place] * b[place][i % 4 * 2 + k % 2];
    }
  return FINE;
}

}

static inline float __shfl_sync(unsigned, float value, int lane) {
  shim::Shuffle own = {value, lane, 0.0f};
  shim::meet(shim::shuffle, &own);
  return own.taken;
}

// In the place of helpers that are PTX.
static inline unsigned pair_bf16(float low, float high) { return to_bf16(low) | unsigned(to_bf16(high)) << 16; }
static inline unsigned pair_f16(float low, float high) { return to_f16(low) | unsigned(to_f16(high)) << 16; }
static inline void ldmatrix_x4(unsigned* pairs, const unsigned short* row) {
  shim::Matrices own = {row, pairs};
  shim::meet(shim::load_rows, &own);
}
static inline void ldmatrix_x4_trans(unsigned* pairs, const unsigned short* row) {
  shim::Matrices own = {row, pairs};
  shim::meet(shim::load_columns, &own);
}
static inline void mma_16x8x16_bf16(float* sums, const unsigned* rows, unsigned first, unsigned second) {
  shim::Product own = {sums, rows, {first, second}};
  shim::meet(shim::multiply<shim::upper_half>, &own);
}
static inline void mma_16x8x16_f16(float* sums, const unsigned* rows, unsigned first, unsigned second) {
  shim::Product own = {sums, rows, {first, second}};
  shim::meet(shim::multiply<from_f16>, &own);
}
`.trimStart();
