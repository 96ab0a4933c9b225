/* SHA-256 with the SHA extensions of x86: sha256rnds2 runs two rounds, and sha256msg1 and
 * sha256msg2 compute four words of the message schedule (Intel SDM vol. 2; Gulley et al., "Intel
 * SHA Extensions", 2013). The target attribute compiles this file for any x86-64; dispatch.c
 * decides at run time whether it may be called. */

#include "kernels.h"

#if MC_HAS_SHANI

#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define STEP TARGET static inline __attribute__((always_inline))

/* One message in flight: the state in the order that sha256rnds2 wants it, and the last 16 words
 * of the schedule, four in a register: words 4g to 4g+3 stand in w[g mod 4]. */
struct lane {
    __m128i abef, cdgh;
    __m128i w[4];
};

STEP __m128i with_constants(__m128i w, unsigned group)
{
    return _mm_add_epi32(w, _mm_load_si128((const __m128i *)mc_round_constants + group));
}

/* Words 4g to 4g+3 of the schedule, for a group g of 4 or more. */
STEP void schedule(struct lane *x, unsigned group)
{
    __m128i *w = x->w;
    __m128i last = w[(group + 3) & 3], seven_back = _mm_alignr_epi8(last, w[(group + 2) & 3], 4);
    __m128i partial = _mm_sha256msg1_epu32(w[group & 3], w[(group + 1) & 3]);
    w[group & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(partial, seven_back), last);
}

/* Rounds 4g and 4g+1, then rounds 4g+2 and 4g+3: the two halves of the state swap roles. */
STEP void first_half(struct lane *x, __m128i wk)
{
    x->cdgh = _mm_sha256rnds2_epu32(x->cdgh, x->abef, wk);
}

STEP void second_half(struct lane *x, __m128i wk)
{
    x->abef = _mm_sha256rnds2_epu32(x->abef, x->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* Four rounds on words that are already there. */
STEP void rounds(struct lane *x, unsigned group)
{
    __m128i wk = with_constants(x->w[group & 3], group);
    first_half(x, wk);
    second_half(x, wk);
}

STEP void scheduled_rounds(struct lane *x, unsigned group)
{
    schedule(x, group);
    rounds(x, group);
}

/* STEP_OF(group) for the groups 4 to 15: rounds 16 to 63, unrolled whatever the optimiser thinks. */
#define GROUPS_4_TO_15(STEP_OF) \
    STEP_OF(4) STEP_OF(5) STEP_OF(6) STEP_OF(7) STEP_OF(8) STEP_OF(9) \
    STEP_OF(10) STEP_OF(11) STEP_OF(12) STEP_OF(13) STEP_OF(14) STEP_OF(15)

/* (a..h) to (abef, cdgh), a and c in the highest words, and back. */
STEP void load_state(struct lane *x, const uint32_t s[8])
{
    x->abef = _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]);
    x->cdgh = _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]);
}

STEP void store_state(const struct lane *x, __m128i *dcba, __m128i *hgfe)
{
    __m128i feba = _mm_shuffle_epi32(x->abef, 0x1b), dchg = _mm_shuffle_epi32(x->cdgh, 0xb1);
    *dcba = _mm_blend_epi16(feba, dchg, 0xf0);
    *hgfe = _mm_alignr_epi8(dchg, feba, 8);
}

/* Four words, from big-endian to the processor's order or back. */
STEP __m128i swapped(__m128i words)
{
    return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

STEP void load_words(struct lane *x, const uint8_t *chunk)
{
    for (unsigned i = 0; i < 4; i++)
        x->w[i] = swapped(_mm_loadu_si128((const __m128i *)chunk + i));
}

STEP void add_state(struct lane *x, const struct lane *before)
{
    x->abef = _mm_add_epi32(x->abef, before->abef);
    x->cdgh = _mm_add_epi32(x->cdgh, before->cdgh);
}

TARGET void mc_compress_shani(uint32_t state[8], const uint8_t *chunks, size_t count)
{
    struct lane x;
    load_state(&x, state);
    for (; count > 0; count--, chunks += 64) {
        const struct lane before = x;
        load_words(&x, chunks);
        rounds(&x, 0);
        rounds(&x, 1);
        rounds(&x, 2);
        rounds(&x, 3);
#define ONE(group) scheduled_rounds(&x, group);
        GROUPS_4_TO_15(ONE)
#undef ONE
        add_state(&x, &before);
    }
    __m128i dcba, hgfe;
    store_state(&x, &dcba, &hgfe);
    _mm_storeu_si128((__m128i *)state, dcba);
    _mm_storeu_si128((__m128i *)(state + 4), hgfe);
}

STEP void store_digest(const struct lane *x, uint8_t *digest)
{
    __m128i dcba, hgfe;
    store_state(x, &dcba, &hgfe);
    _mm_storeu_si128((__m128i *)digest, swapped(dcba));
    _mm_storeu_si128((__m128i *)(digest + 16), swapped(hgfe));
}

TARGET void mc_digests_shani(const uint8_t *const *messages, size_t chunks, uint8_t *const *digests)
{
    struct lane a, b, c, d;
    load_state(&a, mc_initial);
    b = c = d = a;
    for (size_t at = 0; at < 64 * chunks; at += 64) {
        const struct lane a0 = a, b0 = b, c0 = c, d0 = d;
        load_words(&a, messages[0] + at);
        load_words(&b, messages[1] + at);
        load_words(&c, messages[2] + at);
        load_words(&d, messages[3] + at);
#define EACH(group) rounds(&a, group); rounds(&b, group); rounds(&c, group); rounds(&d, group);
        EACH(0) EACH(1) EACH(2) EACH(3)
#undef EACH
#define EACH(group) \
        scheduled_rounds(&a, group); scheduled_rounds(&b, group); \
        scheduled_rounds(&c, group); scheduled_rounds(&d, group);
        GROUPS_4_TO_15(EACH)
#undef EACH
        add_state(&a, &a0);
        add_state(&b, &b0);
        add_state(&c, &c0);
        add_state(&d, &d0);
    }
    store_digest(&a, digests[0]);
    store_digest(&b, digests[1]);
    store_digest(&c, digests[2]);
    store_digest(&d, digests[3]);
}

/* The lane of one nonce: rounds 0 to 9 are behind it, word 11 is its own, and rounds 10 to 15 run
 * here. `third` and `fourth` are words 8 to 11 and 12 to 15 with their round constants. */
STEP struct lane start(const struct lane *common, uint32_t low, __m128i third, __m128i fourth)
{
    struct lane x = *common;
    x.w[2] = _mm_insert_epi32(x.w[2], (int)low, 3);
    second_half(&x, _mm_add_epi32(third, _mm_slli_si128(_mm_cvtsi32_si128((int)low), 12)));
    first_half(&x, fourth);
    second_half(&x, fourth);
    return x;
}

STEP int is_candidate(const struct lane *x, const struct mc_search *search)
{
    uint32_t a = (uint32_t)_mm_extract_epi32(x->abef, 3);
    return ((a + search->midstate[0]) & search->mask) == 0;
}

/* sha256rnds2 answers after several cycles but takes a new pair every cycle or two, so that lanes
 * in step fill the gaps that one would leave. A lane past the end of the range is computed and
 * ignored. */
TARGET uint32_t mc_search_shani(const struct mc_search *search, uint32_t first, uint32_t count)
{
    enum { LANES = 4 };
    const __m128i *words = (const __m128i *)search->block;
    struct lane common;
    load_state(&common, search->midstate);
    for (unsigned i = 0; i < 4; i++)
        common.w[i] = _mm_loadu_si128(words + i);
    common.w[2] = _mm_insert_epi32(common.w[2], 0, 3);
    rounds(&common, 0);
    rounds(&common, 1);
    const __m128i third = with_constants(common.w[2], 2), fourth = with_constants(common.w[3], 3);
    first_half(&common, third);

    for (uint32_t i = 0; i < count; i += LANES) {
        struct lane a = start(&common, first + i, third, fourth);
        struct lane b = start(&common, first + i + 1, third, fourth);
        struct lane c = start(&common, first + i + 2, third, fourth);
        struct lane d = start(&common, first + i + 3, third, fourth);
#define EACH(group) \
        scheduled_rounds(&a, group); scheduled_rounds(&b, group); \
        scheduled_rounds(&c, group); scheduled_rounds(&d, group);
        GROUPS_4_TO_15(EACH)
#undef EACH
        int hits = is_candidate(&a, search) | is_candidate(&b, search) << 1
                 | is_candidate(&c, search) << 2 | is_candidate(&d, search) << 3;
        if (hits != 0) {
            uint32_t hit = i + (uint32_t)__builtin_ctz((unsigned)hits);
            return hit < count ? hit : count;
        }
    }
    return count;
}

#endif
