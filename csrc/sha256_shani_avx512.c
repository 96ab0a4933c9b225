/* A search that gives each unit what it is best at: the message schedules of eight nonces in AVX-512VL
 * registers of 256 bits, and the rounds of four nonces at a time in sha256rnds2. Written for Zen 4,
 * where rounds and schedule run beside each other; README.md says what was measured. */

#include "kernels.h"

#if MC_HAS_SHANI_AVX512

#include <immintrin.h>

#define TARGET __attribute__((target("sha,avx2,avx512f,avx512vl")))
#define LANES 8

typedef __m256i vec;

#define add(x, y) _mm256_add_epi32(x, y)
#define xor(x, y) _mm256_xor_si256(x, y)
#define ROR(x, n) _mm256_ror_epi32(x, n)
#define all_of(word) _mm256_set1_epi32((int)(word))

/* In the order that lets pairs of words, unpacked, lie in memory by their nonce. */
#define counting() _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7)

/* No two of these xors meet, so that no compiler makes a vpternlogd of them: beside sha256rnds2 it
 * was seen to be slow on Zen 4. */
#define LOWER(x, a, b, c) xor(ROR(xor(x, ROR(x, (b) - (a))), a), _mm256_srli_epi32(x, c))

#include "sha256_schedule.h"

/* Words 2p and 2p + 1 of each nonce with their round constants, for each p of 9 and more: the words
 * before 18 do not vary. */
struct pairs {
    _Alignas(64) uint64_t of[32][LANES];
};

/* The schedules of eight nonces on their way into memory. */
struct schedule {
    const struct mc_hoisted *hoisted;
    struct pairs *pairs;
    vec w[16], even;
};

/* Compute word t, and store it with the one before where t is odd. */
STEP void schedule(struct schedule *s, unsigned t)
{
    vec word = search_word(s->w, t, s->hoisted);
    if (t % 2 == 0) {
        s->even = word;
        return;
    }
    __m256i *place = (__m256i *)s->pairs->of[t / 2];
    _mm256_store_si256(place, _mm256_unpacklo_epi32(s->even, word));
    _mm256_store_si256(place + 1, _mm256_unpackhi_epi32(s->even, word));
}

/* The state of one nonce in the order that sha256rnds2 wants, a and c in the highest words. */
struct lane {
    __m128i abef, cdgh;
};

/* Rounds 2p and 2p + 1: the two halves of the state swap roles. */
STEP void two_rounds(struct lane *x, unsigned p, const void *pair)
{
    __m128i wk = _mm_loadl_epi64(pair);
    if (p % 2 == 0)
        x->cdgh = _mm_sha256rnds2_epu32(x->cdgh, x->abef, wk);
    else
        x->abef = _mm_sha256rnds2_epu32(x->abef, x->cdgh, wk);
}

/* Rounds 2p and 2p + 1 of the four nonces from the n-th on. */
STEP void eight_rounds(struct lane x[4], unsigned p, unsigned n, const struct pairs *ready,
                       const struct mc_hoisted *hoisted)
{
    for (unsigned i = 0; i < 4; i++)
        two_rounds(&x[i], p, p < 9 ? (const void *)&hoisted->terms[2 * p] : &ready->of[p][n + i]);
}

/* The first words of four digests, less midstate[0], from pairs that are ready; and beside that, 23
 * words from word t on for the next eight nonces. */
STEP __m128i hash_four(const struct lane *common, uint32_t nonce, unsigned n,
                       const struct pairs *ready, struct schedule *next, unsigned t)
{
    struct lane x[4];
    for (unsigned i = 0; i < 4; i++) {
        const int low = (int)(nonce + n + i);
        x[i].abef = _mm_add_epi32(common->abef, _mm_set_epi32(low, 0, low, 0));
        x[i].cdgh = common->cdgh;
    }
#define SLOT(i) eight_rounds(x, 6 + i, n, ready, next->hoisted); schedule(next, t + i);
#define LAST(i) eight_rounds(x, 6 + i, n, ready, next->hoisted);
    SLOT(0) SLOT(1) SLOT(2) SLOT(3) SLOT(4) SLOT(5) SLOT(6) SLOT(7)
    SLOT(8) SLOT(9) SLOT(10) SLOT(11) SLOT(12) SLOT(13) SLOT(14) SLOT(15)
    SLOT(16) SLOT(17) SLOT(18) SLOT(19) SLOT(20) SLOT(21) SLOT(22)
    LAST(23) LAST(24) LAST(25)
#undef SLOT
#undef LAST
    return _mm_unpackhi_epi64(_mm_unpackhi_epi32(x[0].abef, x[1].abef),
                              _mm_unpackhi_epi32(x[2].abef, x[3].abef));
}

/* Each turn schedules eight nonces and hashes the eight of the turn before. The first turn hashes
 * nothing of use; nonces past the end of the range are hashed and ignored. */
TARGET uint32_t mc_search_shani_avx512(const struct mc_search *search, uint32_t first, uint32_t count)
{
    struct mc_hoisted hoisted;
    mc_hoist(&hoisted, search);
    const uint32_t *s = hoisted.state;
    const struct lane common = {
        _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]),
        _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]),
    };
    const vec base = all_of(search->midstate[0]), mask = all_of(search->mask);
    struct pairs pairs[2] = {0};
    for (uint32_t i = 0; i < count + LANES; i += LANES) {
        __asm__ volatile(".p2align 6"); /* the loop, for caches of decoded instructions */
        const uint32_t nonce = first + i, before = nonce - LANES;
        const struct pairs *ready = &pairs[~(i / LANES) & 1];
        struct schedule next = {.hoisted = &hoisted, .pairs = &pairs[i / LANES & 1]};
        next.w[MC_NONCE_LOW] = add(counting(), all_of(nonce));
        __m128i low = hash_four(&common, before, 0, ready, &next, 18);
        __m128i high = hash_four(&common, before, 4, ready, &next, 41);
        vec a = add(base, _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
        uint32_t hits = _mm256_testn_epi32_mask(a, mask);
        if (hits != 0 && i != 0) {
            uint32_t hit = i - LANES + (uint32_t)__builtin_ctz(hits);
            return hit < count ? hit : count;
        }
    }
    return count;
}

#endif
