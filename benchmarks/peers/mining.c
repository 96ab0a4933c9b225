/* The peers of benchmarks/mining.py in C: OpenSSL's compression function, one nonce after the other,
 * on a saved midstate; and nothing but sha256rnds2, which no search that uses it can outrun. */

#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Transform has no heir */

#include <openssl/sha.h>
#include <stdint.h>
#include <string.h>

/* Hash the 112-byte header with `count` nonces; return how many begin with 32 zero bits. */
uint32_t openssl_search(const uint8_t *header, uint32_t count)
{
    SHA256_CTX midstate, hash;
    uint8_t block[64] = {0};
    uint32_t hits = 0;
    SHA256_Init(&midstate);
    SHA256_Transform(&midstate, header);
    memcpy(block, header + 64, 40);
    block[48] = 0x80;
    block[62] = 112 * 8 >> 8;
    block[63] = 112 * 8 & 255;
    for (uint32_t nonce = 0; nonce < count; nonce++) {
        for (int i = 0; i < 4; i++)
            block[44 + i] = (uint8_t)(nonce >> (24 - 8 * i));
        memcpy(hash.h, midstate.h, sizeof hash.h);
        SHA256_Transform(&hash, block);
        hits += hash.h[0] == 0;
    }
    return hits;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int has_sha256rnds2(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* The rounds of `count` nonces, 52 of 64 because the nonce is word 11, on eight streams that do not
 * wait for each other; and no message schedule. */
__attribute__((target("sha,sse4.1"))) uint32_t rounds_alone(uint32_t count)
{
    __m128i s[8], words = _mm_set1_epi32((int)count);
    for (int i = 0; i < 8; i++)
        s[i] = _mm_set1_epi32(i);
    for (uint32_t i = 0; i < count; i += 8)
        for (int pair = 0; pair < 26; pair++) {
#define STREAM(i) s[i] = _mm_sha256rnds2_epu32(s[i], words, words);
            STREAM(0) STREAM(1) STREAM(2) STREAM(3) STREAM(4) STREAM(5) STREAM(6) STREAM(7)
#undef STREAM
        }
    for (int i = 1; i < 8; i++)
        s[0] = _mm_xor_si128(s[0], s[i]);
    return (uint32_t)_mm_extract_epi32(s[0], 0);
}
#else
int has_sha256rnds2(void) { return 0; }
uint32_t rounds_alone(uint32_t count) { return count; }
#endif
