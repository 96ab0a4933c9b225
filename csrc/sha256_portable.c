/* SHA-256 as FIPS 180-4 section 6.2 writes it, in plain C: the reference for every other kernel. */

#include <string.h>

#include "kernels.h"

/* FIPS 180-4, sections 5.3.3 and 4.2.2. */
const uint32_t mc_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

_Alignas(64) const uint32_t mc_round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* Section 4.1.2. */
static inline uint32_t ch(uint32_t x, uint32_t y, uint32_t z) { return z ^ (x & (y ^ z)); }
static inline uint32_t maj(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | (z & (x | y)); }
static inline uint32_t upper0(uint32_t x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
static inline uint32_t upper1(uint32_t x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
static inline uint32_t lower0(uint32_t x) { return rotr(x, 7) ^ rotr(x, 18) ^ x >> 3; }
static inline uint32_t lower1(uint32_t x) { return rotr(x, 17) ^ rotr(x, 19) ^ x >> 10; }

/* Round t of section 6.2.2, with the message word and the round constant added. Instead of moving
 * every variable to the next, the names move: variable i of (a..h) stands at i - t mod 8. */
static inline void round_of(uint32_t s[8], unsigned t, uint32_t word_and_constant)
{
    const uint32_t a = s[-t & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
    const uint32_t e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
    uint32_t *d = &s[(3 - t) & 7], *h = &s[(7 - t) & 7];
    *h += upper1(e) + ch(e, f, g) + word_and_constant;
    *d += *h;
    *h += upper0(a) + maj(a, b, c);
}

/* Rounds [from, to) of the first 16, on the words of the chunk as they are. */
static inline void early_rounds(uint32_t s[8], const uint32_t w[16], unsigned from, unsigned to)
{
    for (unsigned t = from; t < to; t++)
        round_of(s, t, w[t] + mc_round_constants[t]);
}

/* Rounds 16 to 63. Word t of the schedule takes the place of word t - 16 in w. Unrolled by 16, so
 * that the state and the words can stay in registers. */
static inline void late_rounds(uint32_t s[8], uint32_t w[16])
{
    for (const uint32_t *k = mc_round_constants + 16; k < mc_round_constants + 64; k += 16) {
#define ROUND(i) \
        w[i] += lower1(w[(i + 14) & 15]) + w[(i + 9) & 15] + lower0(w[(i + 1) & 15]); \
        round_of(s, i, w[i] + k[i]);
        ROUND(0) ROUND(1) ROUND(2) ROUND(3) ROUND(4) ROUND(5) ROUND(6) ROUND(7)
        ROUND(8) ROUND(9) ROUND(10) ROUND(11) ROUND(12) ROUND(13) ROUND(14) ROUND(15)
#undef ROUND
    }
}

void mc_compress_portable(uint32_t state[8], const uint8_t *chunks, size_t count)
{
    for (; count > 0; count--, chunks += 64) {
        uint32_t s[8], w[16];
        memcpy(s, state, sizeof s);
        for (size_t i = 0; i < 16; i++)
            w[i] = mc_load32(chunks + 4 * i);
        early_rounds(s, w, 0, 16);
        late_rounds(s, w);
        for (size_t i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

void mc_digests_portable(const uint8_t *const *messages, size_t chunks, uint8_t *const *digests)
{
    uint32_t state[8];
    memcpy(state, mc_initial, sizeof state);
    mc_compress_portable(state, messages[0], chunks);
    for (size_t i = 0; i < 8; i++)
        mc_store32(digests[0] + 4 * i, state[i]);
}

uint32_t mc_search_portable(const struct mc_search *search, uint32_t first, uint32_t count)
{
    uint32_t before[8];
    memcpy(before, search->midstate, sizeof before);
    early_rounds(before, search->block, 0, MC_NONCE_LOW); /* the same for every nonce */

    for (uint32_t i = 0; i < count; i++) {
        uint32_t s[8], w[16];
        memcpy(s, before, sizeof s);
        memcpy(w, search->block, sizeof w);
        w[MC_NONCE_LOW] = first + i;
        early_rounds(s, w, MC_NONCE_LOW, 16);
        late_rounds(s, w);
        if (((s[0] + search->midstate[0]) & search->mask) == 0)
            return i;
    }
    return count;
}

/* Round 11 is the first that sees the nonce, and does nothing with it but add it to a and e. */
void mc_hoist(struct mc_hoisted *hoisted, const struct mc_search *search)
{
    uint32_t w[MC_TERMS] = {0}; /* what varies stays zero here, and adds nothing */
    memcpy(w, search->block, sizeof search->block);
    w[MC_NONCE_LOW] = 0;
    uint32_t s[8];
    memcpy(s, search->midstate, sizeof s);
    early_rounds(s, w, 0, 12);
    for (unsigned i = 0; i < 8; i++)
        hoisted->state[i] = s[(i - 12) & 7];

    for (unsigned t = 12; t < MC_TERMS; t++) {
        uint32_t sum = t < 16 ? w[t] : w[t - 16] + lower0(w[t - 15]) + w[t - 7] + lower1(w[t - 2]);
        if (!MC_VARIES(t))
            w[t] = sum;
        hoisted->terms[t] = MC_VARIES(t) ? sum : sum + mc_round_constants[t];
    }
}
