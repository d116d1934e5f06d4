/**
 * A library with the names and calls of cuBLASLt, beside the one of `fake-cuda.ts`: it computes products from what it is told of them,
 * column by column as its documentation has matrices, and refuses what the documentation does not allow. It is no cuBLASLt: that the
 * calls do on a real library what they do here is not shown.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary.ts';

const TEXT = `
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>

using Handle = uint64_t;
enum { SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
struct Desc { int compute, scale, transA = 0, transB = 0; };
struct Layout { int type; uint64_t rows, cols; int64_t ld; int batch = 1; int64_t stride = 0; };
struct Preference { uint64_t workspace = 0; };
struct Algo { uint64_t data[8]; };
struct Result { Algo algo; size_t workspace; int status; float waves; int reserved[4]; };
static_assert(sizeof(Result) == 96, "as in cublasLt.h");

static int created = 0;
static const size_t NEEDED = 65536;

static void note(const std::string& line) {
  FILE* log = fopen((std::string(getenv("FAKE_CUBLASLT_FOLDER")) + "/calls").c_str(), "a");
  fprintf(log, "%s\\n", line.c_str());
  fclose(log);
}
template <typename F>
static F* ofCuda(const char* name) {
  static void* library = dlopen(getenv("TFM_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<F*>(dlsym(library, name));
}
static bool isCapturing() { return ofCuda<int()>("fake_is_capturing")() != 0; }
template <typename T>
static T* at(Handle h) { return reinterpret_cast<T*>(h); }
template <typename T>
static int make(Handle* out, T value) { created++; *out = reinterpret_cast<Handle>(new T(value)); return SUCCESS; }
template <typename T>
static int destroy(Handle h) { created--; delete at<T>(h); return SUCCESS; }

static size_t bytesOf(int type) { return type == 0 ? 4 : 2; }
static bool isKnown(int type) { return type == 0 || type == 2 || type == 14; }
static float load(int type, const void* base, int64_t i) {
  if (type == 0) return static_cast<const float*>(base)[i];
  const uint16_t bits = static_cast<const uint16_t*>(base)[i];
  if (type == 14) { const uint32_t word = uint32_t(bits) << 16; float x; memcpy(&x, &word, 4); return x; }
  _Float16 half; memcpy(&half, &bits, 2); return float(half);
}
static void store(int type, void* base, int64_t i, float x) {
  if (type == 0) { static_cast<float*>(base)[i] = x; return; }
  uint16_t bits;
  if (type == 14) { uint32_t word; memcpy(&word, &x, 4); bits = (word + 0x7fff + (word >> 16 & 1)) >> 16; }
  else { const _Float16 half = _Float16(x); memcpy(&bits, &half, 2); }
  static_cast<uint16_t*>(base)[i] = bits;
}

// What is wrong with a product; none when it is one that the library knows.
static const char* wrongWith(const Desc& d, const Layout& a, const Layout& b, const Layout& c, const Layout& out) {
  if (d.compute != 68 || d.scale != 0) return "it is not computed in f32";
  for (const Layout* l : {&a, &b, &c, &out}) {
    if (!isKnown(l->type)) return "a type is unknown";
    if (l->ld < int64_t(l->rows)) return "columns overlap";
    if (l->batch != out.batch) return "batches differ";
  }
  if (a.type != b.type || c.type != out.type) return "operands differ in type";
  if (out.type != a.type && out.type != 0) return "the result is of another type";
  const uint64_t m = d.transA ? a.cols : a.rows, k = d.transA ? a.rows : a.cols;
  const uint64_t depth = d.transB ? b.cols : b.rows, n = d.transB ? b.rows : b.cols;
  if (k != depth || out.rows != m || out.cols != n || c.rows != m || c.cols != n) return "sizes do not fit";
  return nullptr;
}

struct Call { Desc d; float alpha, beta; const void* a; Layout la; const void* b; Layout lb; const void* c; Layout lc; void* out; Layout lo; };

static int multiply(void* data) {
  const Call& p = *static_cast<Call*>(data);
  const uint64_t k = p.d.transA ? p.la.rows : p.la.cols;
  for (int64_t s = 0; s < p.lo.batch; s++)
    for (uint64_t j = 0; j < p.lo.cols; j++)
      for (uint64_t i = 0; i < p.lo.rows; i++) {
        float sum = 0;
        for (uint64_t q = 0; q < k; q++) {
          const int64_t ia = p.d.transA ? q + i * p.la.ld : i + q * p.la.ld;
          const int64_t ib = p.d.transB ? j + q * p.lb.ld : q + j * p.lb.ld;
          sum += load(p.la.type, p.a, s * p.la.stride + ia) * load(p.lb.type, p.b, s * p.lb.stride + ib);
        }
        float result = p.alpha * sum;
        if (p.beta != 0) result += p.beta * load(p.lc.type, p.c, s * p.lc.stride + i + j * p.lc.ld);
        store(p.lo.type, p.out, s * p.lo.stride + i + j * p.lo.ld, result);
      }
  return 0;
}

extern "C" {
int cublasLtCreate(Handle* out) { if (!ofCuda<int()>("fake_is_current")()) return 1; note("create"); return make<int>(out, 1); }
int cublasLtDestroy(Handle h) { const int code = destroy<int>(h); note("destroyed, " + std::to_string(created) + " left"); return code; }
const char* cublasLtGetStatusString(int status) { return status == INVALID_VALUE ? "an invalid value" : "not supported"; }
int cublasLtMatmulDescCreate(Handle* out, int compute, int scale) { return make(out, Desc{compute, scale}); }
int cublasLtMatmulDescDestroy(Handle h) { return destroy<Desc>(h); }
int cublasLtMatmulDescSetAttribute(Handle h, int attribute, const void* value, size_t bytes) {
  if (bytes != 4) return INVALID_VALUE;
  int32_t operation; memcpy(&operation, value, 4);
  if (operation != 0 && operation != 1) return INVALID_VALUE;
  if (attribute == 3) at<Desc>(h)->transA = operation;
  else if (attribute == 4) at<Desc>(h)->transB = operation;
  else return INVALID_VALUE;
  return SUCCESS;
}
int cublasLtMatrixLayoutCreate(Handle* out, int type, uint64_t rows, uint64_t cols, int64_t ld) { return make(out, Layout{type, rows, cols, ld}); }
int cublasLtMatrixLayoutDestroy(Handle h) { return destroy<Layout>(h); }
int cublasLtMatrixLayoutSetAttribute(Handle h, int attribute, const void* value, size_t bytes) {
  if (attribute == 5 && bytes == 4) memcpy(&at<Layout>(h)->batch, value, 4);
  else if (attribute == 6 && bytes == 8) memcpy(&at<Layout>(h)->stride, value, 8);
  else return INVALID_VALUE;
  return SUCCESS;
}
int cublasLtMatmulPreferenceCreate(Handle* out) { return make(out, Preference{}); }
int cublasLtMatmulPreferenceDestroy(Handle h) { return destroy<Preference>(h); }
int cublasLtMatmulPreferenceSetAttribute(Handle h, int attribute, const void* value, size_t bytes) {
  if (attribute != 1 || bytes != 8) return INVALID_VALUE;
  memcpy(&at<Preference>(h)->workspace, value, 8);
  return SUCCESS;
}
int cublasLtMatmulAlgoGetHeuristic(Handle, Handle d, Handle a, Handle b, Handle c, Handle out, Handle preference, int wanted, Result* results, int* count) {
  note(isCapturing() ? "heuristic (captured)" : "heuristic");
  *count = 0;
  if (wanted < 1 || at<Preference>(preference)->workspace < NEEDED) return NOT_SUPPORTED;
  if (const char* why = wrongWith(*at<Desc>(d), *at<Layout>(a), *at<Layout>(b), *at<Layout>(c), *at<Layout>(out))) { note(why); return INVALID_VALUE; }
  if (getenv("FAKE_CUBLASLT_NONE") != nullptr) return SUCCESS;
  *results = Result{{{d, a, b, c, out, 1, 2, 3}}, NEEDED, SUCCESS, 1, {}};
  *count = 1;
  return SUCCESS;
}
int cublasLtMatmul(Handle, Handle d, const float* alpha, const void* A, Handle a, const void* B, Handle b, const float* beta, const void* C, Handle c, void* D, Handle out, const Algo* algo, void* workspace, size_t bytes, Handle stream) {
  const Desc& desc = *at<Desc>(d);
  const Layout &la = *at<Layout>(a), &lb = *at<Layout>(b), &lc = *at<Layout>(c), &lo = *at<Layout>(out);
  const char* why = wrongWith(desc, la, lb, lc, lo);
  const uint64_t chosen[8] = {d, a, b, c, out, 1, 2, 3};
  if (why == nullptr && memcmp(algo->data, chosen, sizeof chosen) != 0) why = "the algorithm is for another product";
  if (why == nullptr && (workspace == nullptr || bytes < NEEDED || reinterpret_cast<Handle>(workspace) % 256 != 0)) why = "there is no workspace";
  if (why == nullptr && stream != 5) why = "it is on another stream";
  if (why == nullptr && *beta != 0 && C != D) why = "it adds to something else";
  for (const void* p : {A, B, C, static_cast<const void*>(D)})
    if (why == nullptr && reinterpret_cast<Handle>(p) % 256 != 0) why = "an address is not aligned";
  if (why != nullptr) { note(why); return INVALID_VALUE; }
  char line[200];
  snprintf(line, sizeof line, "matmul %llux%llux%llu of %d in %d: %c%c ld %lld %lld %lld batch %d%s%s", (unsigned long long)lo.rows, (unsigned long long)lo.cols,
           (unsigned long long)(desc.transA ? la.rows : la.cols), la.type, lo.type, "NT"[desc.transA], "NT"[desc.transB], (long long)la.ld, (long long)lb.ld, (long long)lo.ld, lo.batch,
           *beta != 0 ? ", added" : "", isCapturing() ? " (captured)" : "");
  note(line);
  return ofCuda<int(int (*)(void*), void*)>("fake_queue")(multiply, new Call{desc, *alpha, *beta, A, la, B, lb, C, lc, D, lo});
}
}
`;

export interface FakeCublasLt {
  /** What was noted since it was last asked. */
  readonly calls: () => readonly string[];
}

/** Builds the library, and lets the environment name it. `useFakeCuda` comes before. */
export function useFakeCublasLt(): FakeCublasLt {
  const folder = temporaryFolder({ 'cublaslt.cpp': TEXT });
  const library = join(folder, 'libcublasLt.so');
  execFileSync('g++', ['-std=c++17', '-O1', '-fPIC', '-shared', join(folder, 'cublaslt.cpp'), '-o', library]);
  process.env.FAKE_CUBLASLT_FOLDER = folder;
  process.env.TFM_LIBCUBLASLT = library;
  const calls = join(folder, 'calls');
  return {
    calls: () => {
      if (!existsSync(calls)) return [];
      const lines = readFileSync(calls, 'utf8').trim().split('\n');
      rmSync(calls);
      return lines;
    },
  };
}
