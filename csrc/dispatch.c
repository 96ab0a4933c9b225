/* Which kernels there are, which this CPU can run, and which proved themselves. */

#include <stdatomic.h>
#include <string.h>

#include "kernels.h"

#if MC_HAS_SHANI
#include <cpuid.h>
#define SHANI_ROW {"shani", MC_NEEDS_SHA_NI, 4, mc_compress_shani, mc_digests_shani, mc_search_shani}
#else
#define SHANI_ROW {"shani", MC_NEEDS_SHA_NI, 4, NULL, NULL, NULL}
#endif

/* Best first. */
static const struct mc_kernel kernels[] = {
    SHANI_ROW,
    {"portable", MC_NEEDS_NOTHING, 1, mc_compress_portable, mc_digests_portable, mc_search_portable},
};

enum { KERNELS = sizeof kernels / sizeof *kernels };

/* The status of each kernel plus one, so that zero says that nobody asked yet. */
static atomic_int known[KERNELS];

/* What this CPU offers. Intel SDM vol. 2A, CPUID: leaf 1 ECX (SSSE3, SSE4.1), leaf 7 EBX (SHA). */
static uint32_t cpu_features(void)
{
    uint32_t features = MC_NEEDS_NOTHING;
#if MC_HAS_SHANI
    unsigned a, b, c, d;
    int vectors = __get_cpuid(1, &a, &b, &c, &d) && (c >> 9 & 1) && (c >> 19 & 1);
    if (vectors && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1))
        features |= MC_NEEDS_SHA_NI;
#endif
    return features;
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

/* Hits must be the reference's, from every lane, also where the low word is about to wrap. */
static int searches_like_reference(const struct mc_kernel *kernel)
{
    static const uint32_t starts[] = {0, 0x12345678, UINT32_MAX - 255};
    struct mc_search search = {.mask = 0xf8000000, .block[12] = 0x80000000, .block[15] = 896};
    memcpy(search.midstate, mc_initial, sizeof search.midstate);
    for (uint32_t i = 0; i <= MC_NONCE_HIGH; i++)
        search.block[i] = mc_round_constants[i];
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        for (uint32_t skip = 0; skip < 16; skip++) {
            uint32_t first = starts[i] + skip, count = 255 - skip;
            if (kernel->search(&search, first, count) != mc_search_portable(&search, first, count))
                return 0;
        }
    return 1;
}

static int examine(const struct mc_kernel *kernel)
{
    if (kernel->compress == NULL)
        return MEDCHAIN_NOT_COMPILED;
    if ((kernel->needs & ~cpu_features()) != 0)
        return MEDCHAIN_NOT_SUPPORTED;
    if (!hashes_known_answers(kernel) || !digests_like_reference(kernel)
        || !searches_like_reference(kernel))
        return MEDCHAIN_SELF_TEST_FAILED;
    return MEDCHAIN_OK;
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

int medchain_kernel_default(void)
{
    for (int number = 0; number < KERNELS; number++)
        if (medchain_kernel_status(number) == MEDCHAIN_OK)
            return number;
    return MEDCHAIN_UNKNOWN_KERNEL;
}

const struct mc_kernel *mc_kernel(int number, int *status)
{
    *status = medchain_kernel_status(number);
    return *status == MEDCHAIN_OK ? &kernels[number] : NULL;
}
