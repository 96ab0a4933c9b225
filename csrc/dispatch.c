/* Which kernels there are, which this CPU can run, which proved themselves, and which is fastest. */

#define _POSIX_C_SOURCE 199309L /* clock_gettime */

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernels.h"

#define NOT_COMPILED NULL, NULL, NULL
#if MC_HAS_SHANI
#define SHANI mc_compress_shani, mc_digests_shani, mc_search_shani
#else
#define SHANI NOT_COMPILED
#endif
#if MC_HAS_AVX2
#define AVX2 mc_compress_best, mc_digests_avx2, mc_search_avx2
#else
#define AVX2 NOT_COMPILED
#endif
#if MC_HAS_AVX512
#define AVX512 mc_compress_best, mc_digests_avx512, mc_search_avx512
#else
#define AVX512 NOT_COMPILED
#endif
#if MC_HAS_SHANI_AVX512
#define SHANI_AVX512 mc_compress_shani, mc_digests_shani, mc_search_shani_avx512
#else
#define SHANI_AVX512 NOT_COMPILED
#endif
#if MC_HAS_ARMV8
#define ARMV8 mc_compress_armv8, mc_digests_armv8, mc_search_armv8
#else
#define ARMV8 NOT_COMPILED
#endif
#define PORTABLE mc_compress_portable, mc_digests_portable, mc_search_portable

static const struct mc_kernel kernels[] = {
    {"shani-avx512", MC_NEEDS_SHA_NI | MC_NEEDS_AVX512 | MC_NEEDS_MIXING, 4, SHANI_AVX512},
    {"avx512", MC_NEEDS_AVX512, 16, AVX512},
    {"avx2", MC_NEEDS_AVX2, 8, AVX2},
    {"shani", MC_NEEDS_SHA_NI, 4, SHANI},
    {"armv8", MC_NEEDS_ARM_SHA2, 4, ARMV8},
    {"portable", MC_NEEDS_NOTHING, 1, PORTABLE},
};

enum { KERNELS = sizeof kernels / sizeof *kernels };

/* The status of each kernel plus one, so that zero says that nobody asked yet. */
static atomic_int known[KERNELS];

/* The fastest kernel of each purpose plus one. */
static atomic_int fastest[MEDCHAIN_HASHING + 1];

/* What this CPU offers plus the top bit, so that zero says that nobody asked yet. */
static atomic_uint offered;

/* What this CPU offers, and for registers beyond SSE, what the system saves when it switches tasks.
 * Intel SDM vol. 2A, CPUID: leaf 1 ECX (SSSE3, SSE4.1, OSXSAVE), leaf 7 EBX (AVX2, AVX-512F, SHA,
 * AVX-512BW, AVX-512VL); vol. 1 section 13.3, XCR0: SSE, AVX, and the three of AVX-512. SSE beside
 * wider registers costs Intel's processors up to 200 cycles at each change (Optimization Reference
 * Manual, "Mixing SSE and AVX code"; measured), and those of AMD nothing.
 * Linux, arm64/elf_hwcaps.rst; every arm64 processor of Apple has SHA-2. */
static uint32_t detect(void)
{
#if defined(MEDCHAIN_CPU) /* a build for tests, which runs as if on another CPU */
    return MEDCHAIN_CPU;
#elif defined(__x86_64__)
    unsigned a, vendor, leaf1, leaf7, b, c, d, xcr0 = 0;
    if (!__get_cpuid(0, &a, &vendor, &c, &d) || !__get_cpuid(1, &a, &b, &leaf1, &d)
        || !__get_cpuid_count(7, 0, &a, &leaf7, &c, &d))
        return MC_NEEDS_NOTHING;
    if (leaf1 >> 27 & 1)
        __asm__("xgetbv" : "=a"(xcr0), "=d"(d) : "c"(0));

    uint32_t features = MC_NEEDS_NOTHING;
    if ((leaf1 >> 9 & 1) && (leaf1 >> 19 & 1) && (leaf7 >> 29 & 1))
        features |= MC_NEEDS_SHA_NI;
    if ((xcr0 & 0x06) == 0x06 && (leaf7 >> 5 & 1))
        features |= MC_NEEDS_AVX2;
    if ((xcr0 & 0xe6) == 0xe6 && (leaf7 >> 16 & 1) && (leaf7 >> 30 & 1) && (leaf7 >> 31 & 1))
        features |= MC_NEEDS_AVX512;
    if (memcmp(&vendor, "Auth", 4) == 0 || memcmp(&vendor, "Hygo", 4) == 0)
        features |= MC_NEEDS_MIXING;
    return features;
#elif MC_HAS_ARMV8 && defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_SHA2 ? MC_NEEDS_ARM_SHA2 : MC_NEEDS_NOTHING;
#elif MC_HAS_ARMV8
    return MC_NEEDS_ARM_SHA2;
#else
    return MC_NEEDS_NOTHING;
#endif
}

/* Remembered, because a virtual machine may take 20 microseconds to answer CPUID. */
static uint32_t cpu_features(void)
{
    const unsigned asked = 1u << 31;
    unsigned features = atomic_load_explicit(&offered, memory_order_relaxed);
    if (features == 0) {
        features = detect() | asked;
        atomic_store_explicit(&offered, features, memory_order_relaxed);
    }
    return features & ~asked;
}

/* For one message alone, a kernel of many lanes has nothing to offer: take the best of the others. */
void mc_compress_best(uint32_t state[8], const uint8_t *chunks, size_t count)
{
#if MC_HAS_SHANI
    if (cpu_features() & MC_NEEDS_SHA_NI)
        mc_compress_shani(state, chunks, count);
    else
#endif
        mc_compress_portable(state, chunks, count);
}

/* A batch takes as long with idle lanes as with busy ones. Without instructions for SHA-256, two
 * messages alone take longer than that; with them, about half of the lanes do. */
size_t mc_fewest(const struct mc_kernel *kernel)
{
    int shani = MC_HAS_SHANI && (cpu_features() & MC_NEEDS_SHA_NI);
    int slow_alone = kernel->compress == mc_compress_best && !shani;
    return slow_alone ? 2 : kernel->lanes / 2 + 1;
}

/* FIPS 180-4, the two examples of its companion: "abc", and 56 bytes that pad to two chunks. */
static int hashes_known_answers(const struct mc_kernel *kernel)
{
    static const struct { const char *message; uint32_t digest[8]; } answers[] = {
        {"abc", {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad}},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                {0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039,
                 0xa33ce459, 0x64ff2167, 0xf6ecedd4, 0x19db06c1}},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct mc_sha256 hash;
        uint8_t out[32];
        mc_sha256_begin(&hash, kernel);
        mc_sha256_add(&hash, (const uint8_t *)answers[i].message, strlen(answers[i].message));
        mc_sha256_end(&hash, out);
        if (memcmp(hash.state, answers[i].digest, sizeof hash.state) != 0)
            return 0;
    }
    return 1;
}

/* Each lane must hash its own message as the reference does. */
static int digests_like_reference(const struct mc_kernel *kernel)
{
    enum { MOST_CHUNKS = 3 };
    for (size_t chunks = 1; chunks <= MOST_CHUNKS; chunks++) {
        uint8_t bytes[64 * MOST_CHUNKS + MC_MOST_LANES], *digests[MC_MOST_LANES];
        uint8_t expected[MC_MOST_LANES][32], found[MC_MOST_LANES][32];
        const uint8_t *messages[MC_MOST_LANES];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(i * i * 31 + chunks);
        for (size_t i = 0; i < kernel->lanes; i++) {
            messages[i] = bytes + i;
            digests[i] = found[i];
            mc_digests_portable(&messages[i], chunks, (uint8_t *[]){expected[i]});
        }
        kernel->digests(messages, chunks, digests);
        if (memcmp(found, expected, 32 * kernel->lanes) != 0)
            return 0;
    }
    return 1;
}

/* A header without meaning, to search with. */
static struct mc_search sample_search(uint32_t mask)
{
    struct mc_search search = {.mask = mask, .block[12] = 0x80000000, .block[15] = 896};
    memcpy(search.midstate, mc_initial, sizeof search.midstate);
    for (uint32_t i = 0; i <= MC_NONCE_HIGH; i++)
        search.block[i] = mc_round_constants[i];
    return search;
}

/* The reference tells each nonce of a range alone. From every nonce on, so that each lane has its
 * turn, the kernel must find the next hit, and none where the range ends right before it; the last
 * range ends where the low word wraps. */
static int searches_like_reference(const struct mc_kernel *kernel)
{
    enum { RANGE = 40 }; /* hits at 28; 14, 19; 5, 29 */
    static const uint32_t starts[] = {0, 0x12345678, UINT32_MAX - (RANGE - 1)};
    const struct mc_search search = sample_search(0xf8000000);
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (uint32_t i = RANGE, hit = RANGE; i-- > 0;) {
            uint32_t first = starts[s] + i;
            if (mc_search_portable(&search, first, 1) == 0)
                hit = i;
            uint32_t ahead = hit - i, beyond = hit < RANGE;
            if (kernel->search(&search, first, ahead) != ahead
                || kernel->search(&search, first, ahead + beyond) != ahead)
                return 0;
        }
    return 1;
}

static int can_run(const struct mc_kernel *kernel)
{
    return kernel->search != NULL && (kernel->needs & ~cpu_features()) == 0;
}

static int examine(const struct mc_kernel *kernel)
{
    if (!can_run(kernel))
        return kernel->search == NULL ? MEDCHAIN_NOT_COMPILED : MEDCHAIN_NOT_SUPPORTED;
    if (!hashes_known_answers(kernel))
        return MEDCHAIN_SELF_TEST_FAILED;
    if (kernel->needs == MC_NEEDS_NOTHING) /* this is the reference */
        return MEDCHAIN_OK;
    return digests_like_reference(kernel) && searches_like_reference(kernel)
        ? MEDCHAIN_OK : MEDCHAIN_SELF_TEST_FAILED;
}

int medchain_kernel_count(void)
{
    return KERNELS;
}

const char *medchain_kernel_name(int number)
{
    return number >= 0 && number < KERNELS ? kernels[number].name : NULL;
}

/* Two threads may examine a kernel at once: they come to the same answer. */
int medchain_kernel_status(int number)
{
    if (number < 0 || number >= KERNELS)
        return MEDCHAIN_UNKNOWN_KERNEL;
    int plus_one = atomic_load(&known[number]);
    if (plus_one == 0) {
        plus_one = examine(&kernels[number]) + 1;
        atomic_store(&known[number], plus_one);
    }
    return plus_one - 1;
}

/* Nanoseconds that a sample of the work takes. */
static int64_t duration(const struct mc_kernel *kernel, int purpose)
{
    enum { NONCES = 1024, MESSAGES = 64, CHUNKS = 4 };
    static const uint8_t message[64 * CHUNKS];
    const struct mc_search search = sample_search(UINT32_MAX);
    const uint8_t *messages[MC_MOST_LANES];
    uint8_t out[MC_MOST_LANES][32], *digests[MC_MOST_LANES];
    for (unsigned i = 0; i < MC_MOST_LANES; i++) {
        messages[i] = message;
        digests[i] = out[i];
    }

    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (purpose == MEDCHAIN_MINING)
        kernel->search(&search, 0, NONCES);
    else
        for (unsigned i = 0; i < MESSAGES; i += kernel->lanes)
            kernel->digests(messages, CHUNKS, digests);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (int64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + (end.tv_nsec - begin.tv_nsec);
}

/* The kernel whose shortest time is the shortest: whatever else runs here only ever adds. Turns are
 * taken, so that a busy moment, or the start of the vector units, meets all alike. Only the fastest
 * is tested then, and the next where it fails. */
static int measure(int purpose)
{
    enum { TURNS = 5 };
    int64_t shortest[KERNELS];
    for (int number = 0; number < KERNELS; number++)
        shortest[number] = INT64_MAX;
    for (int turn = 0; turn < TURNS; turn++)
        for (int number = 0; number < KERNELS; number++) {
            if (!can_run(&kernels[number]))
                continue;
            int64_t time = duration(&kernels[number], purpose);
            if (time < shortest[number])
                shortest[number] = time;
        }

    for (;;) {
        int best = 0;
        for (int number = 1; number < KERNELS; number++)
            if (shortest[number] < shortest[best])
                best = number;
        if (shortest[best] == INT64_MAX)
            return MEDCHAIN_UNKNOWN_KERNEL;
        if (medchain_kernel_status(best) == MEDCHAIN_OK)
            return best;
        shortest[best] = INT64_MAX;
    }
}

/* Of two threads that measure at once, the first to be done decides for both. */
int medchain_kernel_default(int purpose)
{
    if (purpose != MEDCHAIN_MINING && purpose != MEDCHAIN_HASHING)
        return MEDCHAIN_BAD_ARGUMENT;
    int plus_one = atomic_load(&fastest[purpose]);
    if (plus_one == 0) {
        int measured = measure(purpose) + 1;
        if (atomic_compare_exchange_strong(&fastest[purpose], &plus_one, measured))
            plus_one = measured;
    }
    return plus_one - 1;
}

const struct mc_kernel *mc_kernel(int number, int *status)
{
    *status = medchain_kernel_status(number);
    return *status == MEDCHAIN_OK ? &kernels[number] : NULL;
}
