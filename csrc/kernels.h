/* What a kernel is, inside the core: one row of function pointers, one file each.
 *
 * A new kernel is a file sha256_NAME.c with mc_compress_NAME (or none, for mc_compress_best),
 * mc_digests_NAME and mc_search_NAME, their declarations below, and a row in dispatch.c. The suffix
 * of the file is that of its symbols.
 */

#ifndef MEDCHAIN_KERNELS_H
#define MEDCHAIN_KERNELS_H

#include "medchain.h"

/* Every instruction set can be left out of a build. */
#if defined(__x86_64__) && !defined(MEDCHAIN_NO_SHANI)
#define MC_HAS_SHANI 1
#else
#define MC_HAS_SHANI 0
#endif
#if defined(__x86_64__) && !defined(MEDCHAIN_NO_AVX2)
#define MC_HAS_AVX2 1
#else
#define MC_HAS_AVX2 0
#endif
#if defined(__x86_64__) && !defined(MEDCHAIN_NO_AVX512)
#define MC_HAS_AVX512 1
#else
#define MC_HAS_AVX512 0
#endif
/* Only where dispatch.c can tell that the processor has them; NEON's lanes are for little-endian. */
#if defined(__AARCH64EL__) && (defined(__linux__) || defined(__APPLE__)) && !defined(MEDCHAIN_NO_ARMV8)
#define MC_HAS_ARMV8 1
#else
#define MC_HAS_ARMV8 0
#endif
#define MC_HAS_SHANI_AVX512 (MC_HAS_SHANI && MC_HAS_AVX512)

/* What a CPU offers and a kernel needs, as bits. */
enum {
    MC_NEEDS_NOTHING = 0,
    MC_NEEDS_SHA_NI = 1,
    MC_NEEDS_AVX2 = 2,
    MC_NEEDS_AVX512 = 4, /* F, BW and VL */
    MC_NEEDS_MIXING = 8, /* SSE beside wider registers costs nothing; the SHA extensions are SSE */
    MC_NEEDS_ARM_SHA2 = 16
};

/* Where the header's last chunk holds the nonce: words 10 (high) and 11 (low) of 16. */
enum { MC_NONCE_HIGH = 10, MC_NONCE_LOW = 11 };

/* A search over the low word of the nonce. All else is constant: the state after the header's
 * first 64 bytes, and the other words of its second, padded chunk. A nonce is a candidate where
 * the first word of the digest has no bit in common with mask. */
struct mc_search {
    uint32_t midstate[8];
    uint32_t block[16];
    uint32_t mask;
};

/* Whether word t of the search's message schedule varies with the nonce, which is word 11: by FIPS
 * 180-4 section 6.2.2, where word t - 2, t - 7, t - 15 or t - 16 does. */
#define MC_VARIES(t) ((t) == 11 || (t) == 18 || (t) == 20 || (t) == 22 || (t) >= 24)

/* Every word from this one on is made of words that vary. */
enum { MC_TERMS = 40 };

/* What all nonces of a search have in common. */
struct mc_hoisted {
    uint32_t state[8];        /* a to h after round 11, with a nonce of 0: it is to be added to a and e */
    uint32_t terms[MC_TERMS]; /* of words 12 to 39: where word t varies, the sum of what it is made
                                 of and does not vary; else word and round constant t */
};

void mc_hoist(struct mc_hoisted *hoisted, const struct mc_search *search);

/* Run the compression function over count chunks of 64 bytes. */
typedef void mc_compress_fn(uint32_t state[8], const uint8_t *chunks, size_t count);

/* Hash `lanes` padded messages of `chunks` chunks of 64 bytes each, from the initial state, and
 * write each big-endian digest (32 bytes) to its place. messages[i] and digests[i], i < lanes, may
 * be unaligned; digests may lie over messages of the same call: they are written last. */
typedef void mc_digests_fn(const uint8_t *const *messages, size_t chunks, uint8_t *const *digests);

/* The most lanes that a kernel has. */
enum { MC_MOST_LANES = 16 };

/* Try the low words first, first + 1, ... and return how many came before the first candidate;
 * count where there is none. count is at most 2^16, and first + count at most 2^32. */
typedef uint32_t mc_search_fn(const struct mc_search *search, uint32_t first, uint32_t count);

struct mc_kernel {
    const char *name;
    uint32_t needs;
    unsigned lanes;           /* how many messages `digests` takes at once */
    mc_compress_fn *compress; /* NULL: not compiled into this build */
    mc_digests_fn *digests;
    mc_search_fn *search;
};

/* The row of a kernel that passed its self-test, or NULL and the reason in *status. */
const struct mc_kernel *mc_kernel(int kernel, int *status);

/* From how many messages on a call of the kernel's digests is faster than one by one. */
size_t mc_fewest(const struct mc_kernel *kernel);

/* One message, streamed in pieces of any length. */
struct mc_sha256 {
    const struct mc_kernel *kernel;
    uint64_t size;
    uint32_t state[8];
    uint8_t tail[64];
};

void mc_sha256_begin(struct mc_sha256 *hash, const struct mc_kernel *kernel);
void mc_sha256_add(struct mc_sha256 *hash, const uint8_t *data, size_t size);
void mc_sha256_end(struct mc_sha256 *hash, uint8_t out[32]);

/* Longer messages go one by one, streamed: 16 lanes of 32 chunks fit into the first-level cache. */
enum { MC_MOST_CHUNKS = 32, MC_ROOM = 64, MC_WINDOW = 512, MC_MOST_SUBTREES = 64 };

struct mc_line {
    const uint8_t *text;
    size_t size;
    uint8_t *digest;
};

/* Lines wait for others of as many chunks, until they fill the lanes of the kernel. */
struct mc_batch {
    const struct mc_kernel *kernel;
    int prefix;
    unsigned waiting[MC_MOST_CHUNKS + 1];
    struct mc_line lines[MC_MOST_CHUNKS + 1][MC_MOST_LANES];
    uint8_t padded[MC_MOST_LANES][MC_ROOM + 64 * MC_MOST_CHUNKS];
};

/* The tree over lines that come one by one, in one pass and no more memory for more of them: each
 * full window of leaves is a complete subtree, and subtrees of equal size merge as in a binary
 * counter. The last window may be short: it is the rightmost leaf of all that stand left of it. */
struct mc_tree {
    struct mc_batch batch;
    size_t windows, count, subtrees;
    uint8_t leaves[32 * MC_WINDOW], roots[32 * MC_MOST_SUBTREES];
};

void mc_tree_begin(struct mc_tree *tree, const struct mc_kernel *kernel);
/* The text, without its LF, must stay as it is until the tree ends. */
void mc_tree_add(struct mc_tree *tree, const uint8_t *text, size_t size);
void mc_tree_end(struct mc_tree *tree, uint8_t *out);

/* As medchain_hash_lines, medchain_root and medchain_lines_root, on a kernel known to work. */
int mc_hash_lines(const struct mc_kernel *kernel, const uint8_t *data, size_t size, int prefix,
                  uint8_t *out, size_t capacity);
void mc_root(const struct mc_kernel *kernel, uint8_t *nodes, size_t count, uint8_t *out);
int mc_lines_root(const struct mc_kernel *kernel, const uint8_t *data, size_t size, uint8_t *out);

extern const uint32_t mc_initial[8];
extern const uint32_t mc_round_constants[64];

mc_compress_fn mc_compress_portable, mc_compress_shani, mc_compress_armv8, mc_compress_best;
mc_digests_fn mc_digests_portable, mc_digests_shani, mc_digests_avx2, mc_digests_avx512,
    mc_digests_armv8;
mc_search_fn mc_search_portable, mc_search_shani, mc_search_avx2, mc_search_avx512,
    mc_search_shani_avx512, mc_search_armv8;

static inline uint32_t mc_load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void mc_store32(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

#endif
