/**
 * Libraries with the names and calls of libcuda and NVRTC, for machines without an NVIDIA GPU: "machine code" is the kernel's
 * text, and a module is what g++ makes of it behind the shim. They hold the device to the API as its documentation describes it.
 * They are no GPU: nothing runs at once, and that the calls do on a real driver what they do here is not shown.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { libraryText, SHIMMED } from '../../src/backends/cuda/cpu/library-text.ts';
import { temporaryFolder } from './temporary.ts';

const CUDA_TEXT = `
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

using Handle = uint64_t;
using Launch = int (*)(unsigned kernel, unsigned blocks, unsigned threads, unsigned char* args, const unsigned* offsets);
// With shared memory that its launches ask for, and how much of it they may have.
struct Module { Launch launch; std::vector<unsigned> sizes; bool asks; unsigned most; };
// A launch of a module, what another library queued, a copy where there is neither, or words that are set.
struct Step { Module* module; unsigned blocks, threads; std::vector<unsigned char> args; std::vector<unsigned> offsets; Handle at; unsigned word; size_t words; Handle from; int (*call)(void*) = nullptr; void* data = nullptr; };
using Graph = std::vector<Step>;

static bool current = false, capturing = false;
static int broken = 0, retained = 0, launched = 0;
static Graph captured;
static std::string folder() { return getenv("FAKE_CUDA_FOLDER"); }

// Notes a call; the code that it has to fail with, if it is the one that a test wants to fail, perhaps after some that do
// not: \`cuGraphLaunch=700 5\`. Such errors stay.
static int begin(const char* name) {
  FILE* log = fopen((folder() + "/calls").c_str(), "a");
  fprintf(log, "%s%s\\n", name, capturing ? " (captured)" : "");
  fclose(log);
  const char* wanted = getenv("FAKE_CUDA_FAIL");
  if (broken == 0 && wanted != nullptr && strncmp(wanted, name, strlen(name)) == 0 && wanted[strlen(name)] == '=')
  {
    const char* after = strchr(wanted, ' ');
    static int seen = 0;
    if (after == nullptr || seen++ >= atoi(after)) broken = atoi(wanted + strlen(name) + 1);
  }
  if (wanted == nullptr && getenv("FAKE_CUDA_FAULT") == nullptr) broken = launched = 0;
  return broken;
}
#define BEGIN if (int code = begin(__func__)) return code; if (!current) return 201;
#define BEGIN_ANYWHERE if (int code = begin(__func__)) return code;

static int run(Step& step) {
  if (step.call != nullptr) return step.call(step.data);
  if (step.module == nullptr) {
    unsigned* words = reinterpret_cast<unsigned*>(step.at);
    const unsigned* from = reinterpret_cast<unsigned*>(step.from);
    for (size_t i = 0; i < step.words; i++) words[i] = from == nullptr ? step.word : from[i];
    return 0;
  }
  // A kernel that a test wants to fail while it runs: the one after so many. What was queued behind it does not run, and a later
  // call tells of it.
  const char* fault = getenv("FAKE_CUDA_FAULT");
  if (fault != nullptr && launched++ == atoi(fault)) {
    broken = 700;
    return 0;
  }
  return step.module->launch(0, step.blocks, step.threads, step.args.data(), step.offsets.data()) == 0 ? 0 : 719;
}
static int queue(Step step) {
  if (!capturing) return run(step);
  captured.push_back(step);
  return 0;
}

static std::string contents(const std::string& path) {
  std::string text;
  FILE* from = fopen(path.c_str(), "r");
  for (int c; (c = fgetc(from)) != EOF;) text.push_back(char(c));
  fclose(from);
  return text;
}

static Handle opened(const std::string& name, bool asks) {
  void* library = dlopen((name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  Module* module = new Module{nullptr, {}, asks, 0};
  module->launch = reinterpret_cast<Launch>(dlsym(library, "tfm_launch"));
  auto sizes = reinterpret_cast<unsigned (*)(unsigned*)>(dlsym(library, "fake_sizes"));
  module->sizes.resize(512);
  module->sizes.resize(sizes(module->sizes.data()));
  return reinterpret_cast<Handle>(module);
}

extern "C" {
int cuInit(unsigned) { BEGIN_ANYWHERE const char* none = getenv("FAKE_CUDA_NO_DEVICE"); return none == nullptr ? 0 : 100; }
int cuDriverGetVersion(int* version) { BEGIN_ANYWHERE *version = 12080; return 0; }
int cuDeviceGetCount(int* count) { BEGIN_ANYWHERE *count = 1; return 0; }
int cuDeviceGet(int* device, int ordinal) { BEGIN_ANYWHERE *device = ordinal; return ordinal == 0 ? 0 : 101; }
int cuDeviceGetName(char* name, int bytes, int) { BEGIN_ANYWHERE snprintf(name, bytes, "Fake GPU"); return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
  BEGIN_ANYWHERE
  const char* old = getenv("FAKE_CUDA_OLD");
  switch (attribute) {
    case 16: *value = 2; return 0;
    case 75: *value = old == nullptr ? 9 : 7; return 0;
    case 76: *value = 0; return 0;
    case 97: *value = 232448; return 0;
    default: return 1;
  }
}
int cuDeviceTotalMem_v2(size_t* bytes, int) { BEGIN_ANYWHERE *bytes = size_t(1) << 30; return 0; }
int cuDevicePrimaryCtxRetain(Handle* context, int) { BEGIN_ANYWHERE retained++; *context = 77; return 0; }
int cuDevicePrimaryCtxRelease_v2(int) { BEGIN_ANYWHERE current = --retained > 0; return 0; }
int cuCtxSetCurrent(Handle context) { BEGIN_ANYWHERE current = context == 77; return current ? 0 : 201; }
int cuModuleLoadData(Handle* out, const char* image) {
  BEGIN
  // PTX of several kernels is only looked at.
  if (strncmp(image, "// Of kernels", 13) == 0) { *out = reinterpret_cast<Handle>(new Module); return 0; }
  // One library for each text, also of other processes.
  const std::string name = folder() + "/module" + std::to_string(std::hash<std::string>()(image));
  const char ASKED[] = "extern __shared__ Shared shared[];";
  const bool asks = strstr(image, ASKED) != nullptr;
  if (access((name + ".so").c_str(), R_OK) == 0) { *out = opened(name, asks); return 0; }
  // The shim has functions of PTX as its own.
  std::string text = image;
  for (int k = 0; access((folder() + "/ptx-" + std::to_string(k)).c_str(), R_OK) == 0; k++) {
    const std::string helper = contents(folder() + "/ptx-" + std::to_string(k));
    const size_t at = text.find(helper);
    if (at != std::string::npos) text.erase(at, helper.size());
  }
  if (asks) text.replace(text.find(ASKED), sizeof ASKED - 1, "__shared__ Shared shared[1];");
  FILE* file = fopen((name + ".cpp").c_str(), "w");
  fputs((contents(folder() + "/prefix") + text + contents(folder() + "/suffix")).c_str(), file);
  fclose(file);
  const std::string command = "g++ -std=c++17 -O1 -w -fPIC -shared -fno-strict-aliasing " + name + ".cpp -o " + name + ".so";
  if (system(command.c_str()) != 0) return 218;
  *out = opened(name, asks);
  return 0;
}
int cuModuleGetFunction(Handle* out, Handle module, const char* name) { BEGIN *out = module; return strncmp(name, "kernel", 6) == 0 ? 0 : 500; }
int cuModuleUnload(Handle module) { BEGIN delete reinterpret_cast<Module*>(module); return 0; }
int cuFuncGetAttribute(int* value, int attribute, Handle) { BEGIN *value = attribute == 4 ? 40 : 0; return 0; }
int cuFuncSetAttribute(Handle function, int attribute, int value) {
  BEGIN
  reinterpret_cast<Module*>(function)->most = value;
  return attribute == 8 && value <= 232448 ? 0 : 1;
}
int cuMemAlloc_v2(Handle* out, size_t bytes) {
  BEGIN
  if (bytes > (size_t(1) << 30)) return 2;
  void* pointer = aligned_alloc(256, (bytes + 255) / 256 * 256);
  memset(pointer, 0xab, bytes);
  *out = reinterpret_cast<Handle>(pointer);
  return 0;
}
int cuMemFree_v2(Handle pointer) { BEGIN free(reinterpret_cast<void*>(pointer)); return 0; }
int cuMemAllocHost_v2(Handle* out, size_t bytes) { BEGIN *out = reinterpret_cast<Handle>(malloc(bytes)); return 0; }
int cuMemFreeHost(Handle pointer) { BEGIN free(reinterpret_cast<void*>(pointer)); return 0; }
int cuMemsetD32Async(Handle at, unsigned word, size_t words, Handle) { BEGIN return queue({nullptr, 0, 0, {}, {}, at, word, words, 0}); }
int cuMemcpyHtoDAsync_v2(Handle to, Handle from, size_t bytes, Handle) {
  BEGIN
  if (capturing) return 900;
  memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
  return 0;
}
static int copy(Handle to, Handle from, size_t bytes) { return queue({nullptr, 0, 0, {}, {}, to, 0, bytes / 4, from}); }
int cuMemcpyDtoDAsync_v2(Handle to, Handle from, size_t bytes, Handle) { BEGIN return copy(to, from, bytes); }
int cuMemcpyDtoHAsync_v2(Handle to, Handle from, size_t bytes, Handle) { BEGIN return copy(to, from, bytes); }
int cuEventCreate(Handle* out, unsigned flags) { BEGIN *out = reinterpret_cast<Handle>(new int(0)); return flags == 2 ? 0 : 1; }
int cuEventRecord(Handle event, Handle) { BEGIN if (capturing) return 900; *reinterpret_cast<int*>(event) = 1; return 0; }
// After it was recorded, it has not happened yet when it is first asked.
int cuEventQuery(Handle event) { BEGIN int& state = *reinterpret_cast<int*>(event); return state++ == 1 ? 600 : 0; }
int cuEventSynchronize(Handle) { BEGIN return 0; }
int cuEventDestroy_v2(Handle event) { BEGIN delete reinterpret_cast<int*>(event); return 0; }
int cuMemcpyDtoH_v2(void* to, Handle from, size_t bytes) { BEGIN memcpy(to, reinterpret_cast<void*>(from), bytes); return 0; }
int cuStreamCreate(Handle* out, unsigned) { BEGIN *out = 5; return 0; }
int cuStreamDestroy_v2(Handle) { BEGIN return 0; }
int cuStreamSynchronize(Handle) { BEGIN return capturing ? 900 : 0; }
// Every second time the work is still under way.
int cuStreamQuery(Handle) { BEGIN static int asked = 0; return asked++ % 2 == 0 ? 600 : 0; }
int cuStreamBeginCapture_v2(Handle, int) { BEGIN capturing = true; captured.clear(); return 0; }
int cuStreamEndCapture(Handle, Handle* out) { BEGIN capturing = false; *out = reinterpret_cast<Handle>(new Graph(captured)); return 0; }
int cuGraphInstantiateWithFlags(Handle* out, Handle graph, uint64_t) { BEGIN *out = reinterpret_cast<Handle>(new Graph(*reinterpret_cast<Graph*>(graph))); return 0; }
int cuGraphLaunch(Handle graph, Handle) {
  BEGIN
  for (Step& step : *reinterpret_cast<Graph*>(graph)) {
    if (broken != 0) break;
    if (int code = run(step)) return code;
  }
  return 0;
}
int cuGraphExecDestroy(Handle graph) { BEGIN delete reinterpret_cast<Graph*>(graph); return 0; }
int cuGraphDestroy(Handle graph) { BEGIN delete reinterpret_cast<Graph*>(graph); return 0; }
int cuLaunchKernel(Handle function, unsigned bx, unsigned by, unsigned bz, unsigned tx, unsigned ty, unsigned tz, unsigned shared, Handle, void** params, void** extra) {
  BEGIN
  const Module& module = *reinterpret_cast<Module*>(function);
  if (module.asks != (shared > 0) || shared > module.most) return 1;
  if (by != 1 || bz != 1 || ty != 1 || tz != 1 || extra != nullptr) return 1;
  Step step{reinterpret_cast<Module*>(function), bx, tx, {}, {}, 0, 0, 0, 0};
  for (size_t i = 0; i < step.module->sizes.size(); i++) {
    while (step.args.size() % 8 != 0) step.args.push_back(0);
    step.offsets.push_back(step.args.size());
    const unsigned char* from = static_cast<unsigned char*>(params[i]);
    step.args.insert(step.args.end(), from, from + step.module->sizes[i]);
  }
  return queue(step);
}
// For other libraries that stand in for NVIDIA's.
int fake_is_capturing() { return capturing; }
int fake_is_current() { return current; }
int fake_queue(int (*call)(void*), void* data) { return queue({nullptr, 0, 0, {}, {}, 0, 0, 0, 0, call, data}); }
int cuGetErrorName(int code, const char** text) { *text = code == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER"; return 0; }
int cuGetErrorString(int, const char** text) { *text = "what it means"; return 0; }
}
`;

const NVRTC_TEXT = `
#include <cstdint>
#include <cstring>
#include <string>
struct Program { std::string text, name, log; };
using Handle = uint64_t;
static Program& of(Handle h) { return *reinterpret_cast<Program*>(h); }
extern "C" {
int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 0; return 0; }
int nvrtcGetNumSupportedArchs(int* count) { *count = 2; return 0; }
int nvrtcGetSupportedArchs(int* list) { list[0] = 80; list[1] = 90; return 0; }
int nvrtcCreateProgram(Handle* out, const char* text, const char* name, int, const char**, const char**) {
  *out = reinterpret_cast<Handle>(new Program{text, name, ""});
  return 0;
}
int nvrtcDestroyProgram(Handle* program) { delete &of(*program); return 0; }
int nvrtcCompileProgram(Handle program, int count, const char** options) {
  if (count != 2 || strcmp(options[0], "--gpu-architecture=sm_90") != 0) return 5;
  Program& p = of(program);
  const size_t at = p.text.find("no_such_function");
  if (at == std::string::npos) return 0;
  int line = 1;
  for (size_t i = 0; i < at; i++) line += p.text[i] == '\\n';
  p.log = p.name + "(" + std::to_string(line) + "): error: identifier \\"no_such_function\\" is undefined\\n\\n1 error detected.\\n";
  return 6;
}
int nvrtcGetProgramLogSize(Handle program, size_t* bytes) { *bytes = of(program).log.size() + 1; return 0; }
int nvrtcGetProgramLog(Handle program, char* into) { memcpy(into, of(program).log.c_str(), of(program).log.size() + 1); return 0; }
int nvrtcGetCUBINSize(Handle program, size_t* bytes) { *bytes = of(program).text.size() + 1; return 0; }
int nvrtcGetCUBIN(Handle program, char* into) { memcpy(into, of(program).text.c_str(), of(program).text.size() + 1); return 0; }
int nvrtcGetPTXSize(Handle, size_t*) { return 1; }
int nvrtcGetPTX(Handle, char*) { return 1; }
const char* nvrtcGetErrorString(int code) { return code == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_OTHER"; }
}
`;

/** Sizes of a kernel's parameters, which a real driver finds in its machine code. */
const SIZES_TEXT = `
template <typename... P>
static unsigned sizes_of(void (*)(P...), unsigned* into) {
  const unsigned all[] = {unsigned(sizeof(P))..., 0};
  for (unsigned i = 0; i < sizeof...(P); i++) into[i] = all[i];
  return sizeof...(P);
}
extern "C" __attribute__((visibility("default"))) unsigned fake_sizes(unsigned* into) { return sizes_of(&tfm_0::kernel_0, into); }
`;

export interface FakeCuda {
  /** The calls since it was last asked. */
  readonly calls: () => readonly string[];
}

/** Builds both libraries, and lets the environment name them. */
export function useFakeCuda(): FakeCuda {
  const folder = temporaryFolder({ 'cuda.cpp': CUDA_TEXT, 'nvrtc.cpp': NVRTC_TEXT });
  for (const name of ['cuda', 'nvrtc']) {
    const [source, library] = [join(folder, `${name}.cpp`), join(folder, `lib${name}.so`)];
    execFileSync('g++', ['-std=c++17', '-O1', '-fPIC', '-shared', source, '-o', library]);
  }
  // The text of a kernel takes this comment's place, which makes it one that has barriers.
  const place = '// __syncthreads';
  const [prefix = '', suffix = ''] = libraryText([
    { file: 'kernels/fake.cu', text: place, entryPoint: 'kernel' },
  ]).split(place);
  writeFileSync(join(folder, 'prefix'), prefix);
  writeFileSync(join(folder, 'suffix'), suffix + SIZES_TEXT);
  for (const [k, { text }] of SHIMMED.entries()) writeFileSync(join(folder, `ptx-${k}`), text);
  mkdirSync(join(folder, 'cache'));
  process.env.FAKE_CUDA_FOLDER = folder;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  process.env.TFM_LIBCUDA = join(folder, 'libcuda.so');
  process.env.TFM_LIBNVRTC = join(folder, 'libnvrtc.so');
  const calls = join(folder, 'calls');
  return {
    calls: () => {
      const lines = readFileSync(calls, 'utf8').trim().split('\n');
      rmSync(calls);
      return lines;
    },
  };
}
