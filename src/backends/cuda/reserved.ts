const WORDS = `
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl concept
const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do double
dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace new
noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires return short
signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typeid
typename union unsigned using virtual void volatile wchar_t while xor xor_eq

NULL INFINITY NAN HUGE_VAL EOF RAND_MAX BUFSIZ CHAR_BIT INT_MAX INT_MIN UINT_MAX assert errno linux unix i386 major minor
makedev stdin stdout stderr math_errhandling signbit isnan isinf isfinite isnormal fpclassify isgreater isgreaterequal
isless islessequal islessgreater isunordered
`;

const PREDECLARED = `
float4 make_float4 ushort4 uint2 make_uint2 threadIdx blockIdx blockDim gridDim warpSize dim3 size_t min max abs expf logf
sinf cosf tanhf erff
sqrtf rsqrtf fabsf floorf acosf powf fmaxf fminf

kernel tfm host_scalars
`;

/** Keywords of C++, and macros that compilers define before the text begins: no identifier of any kind may be one. */
export const KEYWORDS: readonly string[] = WORDS.trim().split(/\s+/);

/** Names of CUDA and of ours that a kernel's text relies on. */
export const PREDECLARED_NAMES: readonly string[] = PREDECLARED.trim().split(/\s+/);
