/* Whole messages, batches of lines, and Merkle roots (RFC 6962 section 2.1). */

#include <string.h>

#include "kernels.h"

enum { CHUNK = 64, HASH = 32 };

void mc_sha256_begin(struct mc_sha256 *hash, const struct mc_kernel *kernel)
{
    hash->kernel = kernel;
    hash->size = 0;
    memcpy(hash->state, mc_initial, sizeof hash->state);
}

void mc_sha256_add(struct mc_sha256 *hash, const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    size_t kept = hash->size % CHUNK;
    hash->size += size;
    if (kept != 0) {
        size_t room = CHUNK - kept, taken = size < room ? size : room;
        memcpy(hash->tail + kept, data, taken);
        if (taken < room)
            return;
        hash->kernel->compress(hash->state, hash->tail, 1);
        data += taken;
        size -= taken;
    }
    hash->kernel->compress(hash->state, data, size / CHUNK);
    memcpy(hash->tail, data + size / CHUNK * CHUNK, size % CHUNK);
}

/* FIPS 180-4 section 5.1.1: a one bit, zeros, and the length in bits in the last 64. */
void mc_sha256_end(struct mc_sha256 *hash, uint8_t out[HASH])
{
    uint8_t last[2 * CHUNK] = {0};
    size_t kept = hash->size % CHUNK, chunks = kept < CHUNK - 8 ? 1 : 2;
    memcpy(last, hash->tail, kept);
    last[kept] = 0x80;
    mc_store32(last + chunks * CHUNK - 8, (uint32_t)(hash->size >> 29));
    mc_store32(last + chunks * CHUNK - 4, (uint32_t)(hash->size << 3));
    hash->kernel->compress(hash->state, last, chunks);
    for (size_t i = 0; i < 8; i++)
        mc_store32(out + 4 * i, hash->state[i]);
}

int medchain_sha256(int number, const uint8_t *data, size_t size, uint8_t *out)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    if (kernel == NULL)
        return status;
    struct mc_sha256 hash;
    mc_sha256_begin(&hash, kernel);
    mc_sha256_add(&hash, data, size);
    mc_sha256_end(&hash, out);
    return MEDCHAIN_OK;
}

int mc_hash_lines(const struct mc_kernel *kernel, const uint8_t *data, size_t size, int prefix,
                  uint8_t *out, size_t capacity)
{
    if (prefix < MEDCHAIN_NO_PREFIX || prefix > 255 || (size > 0 && data[size - 1] != '\n'))
        return MEDCHAIN_BAD_ARGUMENT;

    const uint8_t first = (uint8_t)prefix, *end = data + size;
    while (data < end && capacity >= HASH) {
        const uint8_t *feed = memchr(data, '\n', (size_t)(end - data));
        struct mc_sha256 hash;
        mc_sha256_begin(&hash, kernel);
        mc_sha256_add(&hash, &first, prefix == MEDCHAIN_NO_PREFIX ? 0 : 1);
        mc_sha256_add(&hash, data, (size_t)(feed - data));
        mc_sha256_end(&hash, out);
        data = feed + 1;
        out += HASH;
        capacity -= HASH;
    }
    return data == end && capacity == 0 ? MEDCHAIN_OK : MEDCHAIN_BAD_ARGUMENT;
}

int medchain_hash_lines(int number, const uint8_t *data, size_t size, int prefix,
                        uint8_t *out, size_t capacity)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    return kernel == NULL ? status : mc_hash_lines(kernel, data, size, prefix, out, capacity);
}

/* SHA-256(0x01 || left || right); the pair may be anywhere, also where the node is written. */
static void node(const struct mc_kernel *kernel, const uint8_t pair[2 * HASH], uint8_t out[HASH])
{
    static const uint8_t prefix = 1;
    struct mc_sha256 hash;
    mc_sha256_begin(&hash, kernel);
    mc_sha256_add(&hash, &prefix, 1);
    mc_sha256_add(&hash, pair, (size_t)2 * HASH);
    mc_sha256_end(&hash, out);
}

/* Pairing neighbours level by level, an odd last node carried up, is the recursion of RFC 6962:
 * its left subtree holds the largest power of two of leaves, so no pair straddles a split. */
void mc_root(const struct mc_kernel *kernel, uint8_t *nodes, size_t count, uint8_t *out)
{
    if (count == 0) {
        struct mc_sha256 hash;
        mc_sha256_begin(&hash, kernel);
        mc_sha256_end(&hash, out);
        return;
    }
    for (; count > 1; count = count / 2 + count % 2) {
        for (size_t i = 0; i < count / 2; i++)
            node(kernel, nodes + 2 * HASH * i, nodes + HASH * i);
        if (count % 2)
            memmove(nodes + HASH * (count / 2), nodes + HASH * (count - 1), HASH);
    }
    memcpy(out, nodes, HASH);
}

int medchain_root(int number, uint8_t *nodes, size_t count, uint8_t *out)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    if (kernel != NULL)
        mc_root(kernel, nodes, count, out);
    return status;
}
