/* SHA-256 on vectors: lane i of every vector belongs to message i, so that the code is that of one
 * message (FIPS 180-4 section 6.2) with wider words. sha256_avx2.c and sha256_avx512.c include this
 * file once each, after they have said what sha256_schedule.h asks for, and besides:
 *
 *   NAME(function)                  the name with the kernel's suffix
 *   xor3(x, y, z), ch(x, y, z), maj(x, y, z)
 *   zeros(x, mask)                  bit i: lane i of x has no bit in common with mask
 *   load_words(w, messages, chunk)  16 big-endian words of that chunk of each message
 *   store_digests(s, digests)       the eight words of each lane, big-endian */

#include "sha256_schedule.h"

/* Section 4.1.2. */
STEP vec upper0(vec x) { return xor3(ROR(x, 2), ROR(x, 13), ROR(x, 22)); }
STEP vec upper1(vec x) { return xor3(ROR(x, 6), ROR(x, 11), ROR(x, 25)); }

/* Round t, with the message word and the round constant added. The names of the variables move
 * instead of their values: variable i of (a..h) stands at i - t mod 8. */
STEP void round_of(vec s[8], unsigned t, vec word_and_constant)
{
    const vec a = s[-t & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
    const vec e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
    vec *d = &s[(3 - t) & 7], *h = &s[(7 - t) & 7];
    *h = add(add(*h, word_and_constant), add(upper1(e), ch(e, f, g)));
    *d = add(*d, *h);
    *h = add(*h, add(upper0(a), maj(a, b, c)));
}

#define SIXTEEN(STEP_OF, t) \
    STEP_OF(t) STEP_OF(t + 1) STEP_OF(t + 2) STEP_OF(t + 3) \
    STEP_OF(t + 4) STEP_OF(t + 5) STEP_OF(t + 6) STEP_OF(t + 7) \
    STEP_OF(t + 8) STEP_OF(t + 9) STEP_OF(t + 10) STEP_OF(t + 11) \
    STEP_OF(t + 12) STEP_OF(t + 13) STEP_OF(t + 14) STEP_OF(t + 15)

STEP void compress(vec state[8], vec w[16])
{
    vec s[8];
    for (unsigned i = 0; i < 8; i++)
        s[i] = state[i];
#define EARLY(t) round_of(s, t, with_constant(w[t], t));
    SIXTEEN(EARLY, 0)
#undef EARLY
    for (unsigned k = 16; k < 64; k += 16) { /* word t takes the place of word t - 16 */
#define LATE(t) \
        w[t] = add(add(w[t], lower0(w[(t + 1) & 15])), \
                   add(w[(t + 9) & 15], lower1(w[(t + 14) & 15]))); \
        round_of(s, t, with_constant(w[t], k + t));
        SIXTEEN(LATE, 0)
#undef LATE
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] = add(state[i], s[i]);
}

TARGET void NAME(mc_digests)(const uint8_t *const *messages, size_t chunks, uint8_t *const *digests)
{
    vec state[8], w[16];
    for (unsigned i = 0; i < 8; i++)
        state[i] = all_of(mc_initial[i]);
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        load_words(w, messages, chunk);
        compress(state, w);
    }
    store_digests(state, digests);
}

/* The first word of the digest, less midstate[0], for one nonce a lane. */
STEP vec search_hash(const struct mc_hoisted *hoisted, vec nonce)
{
    vec s[8], w[16];
    for (unsigned i = 0; i < 8; i++)
        s[(i - 12) & 7] = all_of(hoisted->state[i]);
    s[(0 - 12u) & 7] = add(s[(0 - 12u) & 7], nonce);
    s[(4 - 12u) & 7] = add(s[(4 - 12u) & 7], nonce);
    w[MC_NONCE_LOW] = nonce;
#define ROUND(t) round_of(s, t, search_word(w, t, hoisted));
    ROUND(12) ROUND(13) ROUND(14) ROUND(15)
    SIXTEEN(ROUND, 16)
    SIXTEEN(ROUND, 32)
    SIXTEEN(ROUND, 48)
#undef ROUND
    return s[0];
}

/* A lane past the end of the range is computed and ignored. */
TARGET uint32_t NAME(mc_search)(const struct mc_search *search, uint32_t first, uint32_t count)
{
    struct mc_hoisted hoisted;
    mc_hoist(&hoisted, search);
    const vec base = all_of(search->midstate[0]), mask = all_of(search->mask);
    for (uint32_t i = 0; i < count; i += LANES) {
        vec a = add(base, search_hash(&hoisted, add(counting(), all_of(first + i))));
        uint32_t hits = zeros(a, mask);
        if (hits != 0) {
            uint32_t hit = i + (uint32_t)__builtin_ctz(hits);
            return hit < count ? hit : count;
        }
    }
    return count;
}
