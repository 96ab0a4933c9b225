/* SHA-256 with AVX-512F and BW: 16 messages, or nonces, in the lanes of 512-bit registers. */

#include "kernels.h"

#if MC_HAS_AVX512

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw")))
#define NAME(function) function##_avx512
#define LANES 16

typedef __m512i vec;

#define add(x, y) _mm512_add_epi32(x, y)
#define ROR(x, n) _mm512_ror_epi32(x, n)
#define all_of(word) _mm512_set1_epi32((int)(word))
#define counting() _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define zeros(x, mask) _mm512_testn_epi32_mask(x, mask)

/* Any function of three bits is one instruction: its truth table is the last operand. */
#define xor3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define LOWER(x, a, b, c) xor3(ROR(x, a), ROR(x, b), _mm512_srli_epi32(x, c))
#define ch(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define maj(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)

/* Turn rows into columns, 16 x 16: within each 128 bits of four rows, then the four quarters. */
TARGET static void transpose(__m512i rows[16])
{
    __m512i t[16];
    for (unsigned i = 0; i < 16; i += 4) {
        __m512i ab = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        __m512i cd = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
        __m512i AB = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
        __m512i CD = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
        t[i] = _mm512_unpacklo_epi64(ab, cd);
        t[i + 1] = _mm512_unpackhi_epi64(ab, cd);
        t[i + 2] = _mm512_unpacklo_epi64(AB, CD);
        t[i + 3] = _mm512_unpackhi_epi64(AB, CD);
    }
    for (unsigned i = 0; i < 4; i++) {
        __m512i even = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88);
        __m512i odd = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
        __m512i more_even = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
        __m512i more_odd = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
        rows[i] = _mm512_shuffle_i32x4(even, more_even, 0x88);
        rows[i + 4] = _mm512_shuffle_i32x4(odd, more_odd, 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(even, more_even, 0xdd);
        rows[i + 12] = _mm512_shuffle_i32x4(odd, more_odd, 0xdd);
    }
}

TARGET static __m512i swap_bytes(__m512i words)
{
    return _mm512_shuffle_epi8(words, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

TARGET static void load_words(vec w[16], const uint8_t *const *messages, size_t chunk)
{
    for (unsigned i = 0; i < 16; i++)
        w[i] = swap_bytes(_mm512_loadu_si512(messages[i] + 64 * chunk));
    transpose(w);
}

TARGET static void store_digests(const vec s[8], uint8_t *const *digests)
{
    __m512i rows[16];
    for (unsigned i = 0; i < 16; i++)
        rows[i] = swap_bytes(s[i & 7]);
    transpose(rows);
    for (unsigned i = 0; i < 16; i++)
        _mm256_storeu_si256((__m256i *)digests[i], _mm512_castsi512_si256(rows[i]));
}

#include "sha256_lanes.h"

#endif
