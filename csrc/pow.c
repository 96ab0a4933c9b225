/* The bounded nonce search: the first 64 bytes of the header are hashed once, then one compression
 * decides a nonce. */

#include <string.h>

#include "kernels.h"

enum { HEADER_SIZE = 112, CHUNK = 64, SLICE = 1 << 16 };

/* Hash the constant chunk and lay out the other one (root, time, nonce, padding) as words. */
static void prepare(struct mc_search *search, const struct mc_kernel *kernel,
                    const uint8_t *header, uint32_t bits)
{
    memcpy(search->midstate, mc_initial, sizeof search->midstate);
    kernel->compress(search->midstate, header, 1);
    memset(search->block, 0, sizeof search->block);
    for (size_t i = 0; i < MC_NONCE_HIGH; i++)
        search->block[i] = mc_load32(header + CHUNK + 4 * i);
    search->block[12] = 0x80000000;
    search->block[15] = 8 * HEADER_SIZE;
    search->mask = bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
}

/* The reference's digest of the header with this nonce. */
static void digest_of(const uint8_t *header, uint64_t nonce, uint32_t digest[8])
{
    uint8_t message[2 * CHUNK] = {0};
    memcpy(message, header, HEADER_SIZE - 8);
    mc_store32(message + HEADER_SIZE - 8, (uint32_t)(nonce >> 32));
    mc_store32(message + HEADER_SIZE - 4, (uint32_t)nonce);
    message[HEADER_SIZE] = 0x80;
    mc_store32(message + sizeof message - 4, 8 * HEADER_SIZE);
    memcpy(digest, mc_initial, sizeof mc_initial);
    mc_compress_portable(digest, message, 2);
}

static int begins_with_zeros(const uint32_t digest[8], uint32_t bits)
{
    for (; bits >= 32; bits -= 32)
        if (*digest++ != 0)
            return 0;
    return bits == 0 || *digest >> (32 - bits) == 0;
}

/* A kernel looks at the first 32 bits only, and is not trusted: hash its candidate again. */
static int judge(const struct mc_search *search, const uint8_t *header, uint64_t nonce,
                 uint32_t bits)
{
    uint32_t digest[8];
    digest_of(header, nonce, digest);
    if ((digest[0] & search->mask) != 0)
        return MEDCHAIN_WRONG_HIT;
    return begins_with_zeros(digest, bits) ? MEDCHAIN_FOUND : MEDCHAIN_EXHAUSTED;
}

/* How far the search goes before it looks at the stop flag: never past a change of the high word. */
static uint32_t slice(uint64_t nonce, uint64_t left)
{
    uint64_t same_high = ((uint64_t)1 << 32) - (uint32_t)nonce;
    uint64_t size = left < same_high ? left : same_high;
    return (uint32_t)(size < SLICE ? size : SLICE);
}

int medchain_mine(int number, const uint8_t *header, uint64_t start, uint64_t count,
                  uint32_t bits, const volatile int *stop, uint64_t *nonce)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    if (kernel == NULL)
        return status;
    if (bits > 256 || count > UINT64_MAX - start)
        return MEDCHAIN_BAD_ARGUMENT;

    struct mc_search search;
    prepare(&search, kernel, header, bits);
    const uint64_t end = start + count;
    for (*nonce = start; *nonce < end;) {
        if (stop != NULL && *stop)
            return MEDCHAIN_STOPPED;
        uint32_t size = slice(*nonce, end - *nonce);
        search.block[MC_NONCE_HIGH] = (uint32_t)(*nonce >> 32);
        uint32_t passed = kernel->search(&search, (uint32_t)*nonce, size);
        *nonce += passed;
        if (passed == size)
            continue;
        int verdict = judge(&search, header, *nonce, bits);
        if (verdict != MEDCHAIN_EXHAUSTED)
            return verdict;
        *nonce += 1;
    }
    return MEDCHAIN_EXHAUSTED;
}
