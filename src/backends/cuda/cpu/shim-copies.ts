/** The copies of the shim: each thread has a list of what it has begun, and does it when it waits. */

export const COPY_TYPES = `
// Begun by a thread, and not yet waited for.
struct Copy {
  void* to;
  const void* from;
  unsigned bytes;
  bool inside;
  // Groups that the thread had closed before.
  unsigned group;
};

constexpr unsigned MOST_COPIES = 256;

struct Copies {
  Copy begun[MOST_COPIES];
  unsigned count, closed;
};
`.trim();

export const COPY_FUNCTIONS = `
namespace shim {

static void begin_copy(void* to, const void* from, unsigned bytes, bool inside) {
  Copies& own = copies[running];
  if (own.count == MOST_COPIES || uintptr_t(to) % bytes != 0 || (inside && uintptr_t(from) % bytes != 0)) {
    stop_at(BAD_COPY);
    return;
  }
  memset(to, 0xff, bytes);
  own.begun[own.count++] = {to, from, bytes, inside, own.closed};
}

static void wait_for_copies(unsigned open) {
  Copies& own = copies[running];
  unsigned left = 0;
  for (unsigned i = 0; i < own.count; i++) {
    const Copy& copy = own.begun[i];
    if (copy.group + open >= own.closed) own.begun[left++] = copy;
    else if (copy.inside) memcpy(copy.to, copy.from, copy.bytes);
    else memset(copy.to, 0, copy.bytes);
  }
  own.count = left;
}

}

static inline void copy_4(void* to, const void* from) { shim::begin_copy(to, from, 4, true); }
static inline void copy_8(void* to, const void* from) { shim::begin_copy(to, from, 8, true); }
static inline void copy_16(void* to, const void* from) { shim::begin_copy(to, from, 16, true); }
static inline void copy_4_or_zeros(void* to, const void* from, bool inside) { shim::begin_copy(to, from, 4, inside); }
static inline void copy_8_or_zeros(void* to, const void* from, bool inside) { shim::begin_copy(to, from, 8, inside); }
static inline void copy_16_or_zeros(void* to, const void* from, bool inside) { shim::begin_copy(to, from, 16, inside); }
static inline void commit_copies() { shim::copies[shim::running].closed++; }
template <int OPEN>
static inline void wait_copies() { shim::wait_for_copies(OPEN); }
`.trim();
