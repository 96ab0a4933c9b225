/* Whole messages, batches of lines, and Merkle roots (RFC 6962 section 2.1). */

#include <string.h>

#include "kernels.h"

enum { CHUNK = 64, HASH = 32, LEAF = 0, NODE = 1 };

/* Longer messages go one by one, streamed: 16 lanes of 32 chunks fit into the first-level cache. */
enum { MOST_CHUNKS = 32, ROOM = 64 };

static void store_digest(uint8_t out[HASH], const uint32_t state[8])
{
    for (size_t i = 0; i < 8; i++)
        mc_store32(out + 4 * i, state[i]);
}

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
    store_digest(out, hash->state);
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

/* Lay out a message as FIPS 180-4 section 5.1.1 pads it. The 8 bytes before it are overwritten: it
 * may be one chunk long, and the zeros of a longer one begin at most 8 bytes before its last. */
static void pad(uint8_t *message, size_t chunks, int prefix, const uint8_t *text, size_t size)
{
    uint8_t *end = message + CHUNK * chunks;
    memset(end - CHUNK - 8, 0, CHUNK + 8);
    if (prefix != MEDCHAIN_NO_PREFIX)
        *message++ = (uint8_t)prefix;
    memcpy(message, text, size);
    message[size] = 0x80;
    mc_store32(end - 4, (uint32_t)(8 * size) + (prefix == MEDCHAIN_NO_PREFIX ? 0 : 8));
}

/* Hash count padded messages, at most as many as the kernel has lanes: at once, idle lanes hashing
 * message 0 again, or where they are too few for that, one by one. */
static void hash_padded(const struct mc_kernel *kernel, const uint8_t **messages, size_t chunks,
                        uint8_t **digests, size_t count)
{
    if (count >= mc_fewest(kernel)) {
        for (size_t i = count; i < kernel->lanes; i++) {
            messages[i] = messages[0];
            digests[i] = digests[0];
        }
        kernel->digests(messages, chunks, digests);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t state[8];
        memcpy(state, mc_initial, sizeof state);
        kernel->compress(state, messages[i], chunks);
        store_digest(digests[i], state);
    }
}

struct line {
    const uint8_t *text;
    size_t size;
    uint8_t *digest;
};

/* Lines wait for others of as many chunks, until they fill the lanes of the kernel. */
struct batch {
    const struct mc_kernel *kernel;
    int prefix;
    unsigned waiting[MOST_CHUNKS + 1];
    struct line lines[MOST_CHUNKS + 1][MC_MOST_LANES];
    uint8_t padded[MC_MOST_LANES][ROOM + CHUNK * MOST_CHUNKS];
};

static void hash_waiting(struct batch *batch, size_t chunks)
{
    const uint8_t *messages[MC_MOST_LANES];
    uint8_t *digests[MC_MOST_LANES];
    size_t count = batch->waiting[chunks];
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &batch->lines[chunks][i];
        pad(batch->padded[i] + ROOM, chunks, batch->prefix, line->text, line->size);
        messages[i] = batch->padded[i] + ROOM;
        digests[i] = line->digest;
    }
    hash_padded(batch->kernel, messages, chunks, digests, count);
    batch->waiting[chunks] = 0;
}

static void hash_long(const struct batch *batch, const uint8_t *text, size_t size, uint8_t *out)
{
    const uint8_t first = (uint8_t)batch->prefix;
    struct mc_sha256 hash;
    mc_sha256_begin(&hash, batch->kernel);
    mc_sha256_add(&hash, &first, batch->prefix == MEDCHAIN_NO_PREFIX ? 0 : 1);
    mc_sha256_add(&hash, text, size);
    mc_sha256_end(&hash, out);
}

/* Hash the next lines of data, at most `most`; return how many, and leave *data behind them. */
static size_t hash_some_lines(const struct mc_kernel *kernel, const uint8_t **data,
                              const uint8_t *end, int prefix, uint8_t *out, size_t most)
{
    struct batch batch;
    batch.kernel = kernel;
    batch.prefix = prefix;
    memset(batch.waiting, 0, sizeof batch.waiting);
    size_t count = 0;
    for (; count < most && *data < end; count++, out += HASH) {
        const uint8_t *text = *data, *feed = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)(feed - text), chunks = (size + (prefix >= 0) + 8) / CHUNK + 1;
        *data = feed + 1;
        if (chunks > MOST_CHUNKS) {
            hash_long(&batch, text, size, out);
            continue;
        }
        batch.lines[chunks][batch.waiting[chunks]++] = (struct line){text, size, out};
        if (batch.waiting[chunks] == kernel->lanes)
            hash_waiting(&batch, chunks);
    }
    for (size_t chunks = 1; chunks <= MOST_CHUNKS; chunks++)
        hash_waiting(&batch, chunks);
    return count;
}

int mc_hash_lines(const struct mc_kernel *kernel, const uint8_t *data, size_t size, int prefix,
                  uint8_t *out, size_t capacity)
{
    const uint8_t *end = size > 0 ? data + size : data;
    if (prefix < MEDCHAIN_NO_PREFIX || prefix > 255 || (size > 0 && end[-1] != '\n'))
        return MEDCHAIN_BAD_ARGUMENT;
    size_t count = hash_some_lines(kernel, &data, end, prefix, out, capacity / HASH);
    return data == end && HASH * count == capacity ? MEDCHAIN_OK : MEDCHAIN_BAD_ARGUMENT;
}

int medchain_hash_lines(int number, const uint8_t *data, size_t size, int prefix,
                        uint8_t *out, size_t capacity)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    return kernel == NULL ? status : mc_hash_lines(kernel, data, size, prefix, out, capacity);
}

/* Replace each of `pairs` pairs of nodes by SHA-256(0x01 || left || right), in place. */
static void fold(const struct mc_kernel *kernel, uint8_t *nodes, size_t pairs)
{
    uint8_t padded[MC_MOST_LANES][ROOM + 2 * CHUNK];
    const uint8_t *messages[MC_MOST_LANES];
    uint8_t *digests[MC_MOST_LANES];
    for (size_t done = 0; done < pairs; done += kernel->lanes) {
        size_t left = pairs - done, count = left < kernel->lanes ? left : kernel->lanes;
        for (size_t i = 0; i < count; i++) {
            messages[i] = padded[i] + ROOM;
            digests[i] = nodes + HASH * (done + i);
            pad(padded[i] + ROOM, 2, NODE, nodes + 2 * HASH * (done + i), (size_t)2 * HASH);
        }
        hash_padded(kernel, messages, 2, digests, count);
    }
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
        fold(kernel, nodes, count / 2);
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

/* One pass over the lines, and no more memory for more of them: each full window of leaves is a
 * complete subtree, and subtrees of equal size merge as in a binary counter. The last window may be
 * short: it is the rightmost leaf of all that stand left of it. */
int mc_lines_root(const struct mc_kernel *kernel, const uint8_t *data, size_t size, uint8_t *out)
{
    enum { WINDOW = 512, MOST_SUBTREES = 64 };
    uint8_t leaves[HASH * WINDOW], subtrees[HASH * MOST_SUBTREES], *next = subtrees;
    const uint8_t *end = size > 0 ? data + size : data;
    if (size > 0 && end[-1] != '\n')
        return MEDCHAIN_BAD_ARGUMENT;
    for (size_t windows = 0; data < end; windows++) {
        size_t count = hash_some_lines(kernel, &data, end, LEAF, leaves, WINDOW);
        mc_root(kernel, leaves, count, next);
        for (size_t merged = windows; merged & 1; merged >>= 1, next -= HASH)
            fold(kernel, next - HASH, 1);
        next += HASH;
    }
    for (; next > subtrees + HASH; next -= HASH)
        fold(kernel, next - 2 * HASH, 1);
    mc_root(kernel, subtrees, next > subtrees ? 1 : 0, out);
    return MEDCHAIN_OK;
}

int medchain_lines_root(int number, const uint8_t *data, size_t size, uint8_t *out)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    return kernel == NULL ? status : mc_lines_root(kernel, data, size, out);
}
