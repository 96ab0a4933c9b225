/* SHA-256 with AVX2: eight messages, or nonces, in the lanes of 256-bit registers. */

#include "kernels.h"

#if MC_HAS_AVX2

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define NAME(function) function##_avx2
#define LANES 8

typedef __m256i vec;

#define add(x, y) _mm256_add_epi32(x, y)
#define xor(x, y) _mm256_xor_si256(x, y)
#define and(x, y) _mm256_and_si256(x, y)
#define ROR(x, n) _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - (n)))
#define all_of(word) _mm256_set1_epi32((int)(word))
#define counting() _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
#define zeros(x, mask) (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps( \
        _mm256_cmpeq_epi32(and(x, mask), _mm256_setzero_si256())))

#define xor3(x, y, z) xor(x, xor(y, z))
#define LOWER(x, a, b, c) xor3(ROR(x, a), ROR(x, b), _mm256_srli_epi32(x, c))
#define ch(x, y, z) xor(z, and(x, xor(y, z)))
#define maj(x, y, z) _mm256_or_si256(and(x, y), and(z, _mm256_or_si256(x, y)))

/* Turn rows into columns, 8 x 8: within each 128 bits of four rows, then the two halves. */
TARGET static void transpose(__m256i rows[8])
{
    __m256i t[8];
    for (unsigned i = 0; i < 8; i += 4) {
        __m256i ab = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        __m256i cd = _mm256_unpacklo_epi32(rows[i + 2], rows[i + 3]);
        __m256i AB = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
        __m256i CD = _mm256_unpackhi_epi32(rows[i + 2], rows[i + 3]);
        t[i] = _mm256_unpacklo_epi64(ab, cd);
        t[i + 1] = _mm256_unpackhi_epi64(ab, cd);
        t[i + 2] = _mm256_unpacklo_epi64(AB, CD);
        t[i + 3] = _mm256_unpackhi_epi64(AB, CD);
    }
    for (unsigned i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
    }
}

TARGET static __m256i swap_bytes(__m256i words)
{
    return _mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(
        _mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203)));
}

TARGET static void load_words(vec w[16], const uint8_t *const *messages, size_t chunk)
{
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned i = 0; i < 8; i++) {
            const uint8_t *words = messages[i] + 64 * chunk + 32 * half;
            w[8 * half + i] = swap_bytes(_mm256_loadu_si256((const __m256i *)words));
        }
        transpose(w + 8 * half);
    }
}

TARGET static void store_digests(const vec s[8], uint8_t *const *digests)
{
    __m256i rows[8];
    for (unsigned i = 0; i < 8; i++)
        rows[i] = swap_bytes(s[i]);
    transpose(rows);
    for (unsigned i = 0; i < 8; i++)
        _mm256_storeu_si256((__m256i *)digests[i], rows[i]);
}

#include "sha256_lanes.h"

#endif
