/* Whole messages, batches of lines, and Merkle roots (RFC 6962 section 2.1). */

#include <string.h>

#include "kernels.h"

enum { CHUNK = 64, HASH = 32, LEAF = 0, NODE = 1 };

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

static void hash_waiting(struct mc_batch *batch, size_t chunks)
{
    const uint8_t *messages[MC_MOST_LANES];
    uint8_t *digests[MC_MOST_LANES];
    size_t count = batch->waiting[chunks];
    for (size_t i = 0; i < count; i++) {
        const struct mc_line *line = &batch->lines[chunks][i];
        pad(batch->padded[i] + MC_ROOM, chunks, batch->prefix, line->text, line->size);
        messages[i] = batch->padded[i] + MC_ROOM;
        digests[i] = line->digest;
    }
    hash_padded(batch->kernel, messages, chunks, digests, count);
    batch->waiting[chunks] = 0;
}

static void hash_long(const struct mc_batch *batch, const uint8_t *text, size_t size, uint8_t *out)
{
    const uint8_t first = (uint8_t)batch->prefix;
    struct mc_sha256 hash;
    mc_sha256_begin(&hash, batch->kernel);
    mc_sha256_add(&hash, &first, batch->prefix == MEDCHAIN_NO_PREFIX ? 0 : 1);
    mc_sha256_add(&hash, text, size);
    mc_sha256_end(&hash, out);
}

/* Hash a line, now or when others of as many chunks have come; hash_rest hashes those that wait. */
static void hash_line(struct mc_batch *batch, const uint8_t *text, size_t size, uint8_t *out)
{
    const size_t chunks = (size + (batch->prefix >= 0) + 8) / CHUNK + 1;
    if (chunks > MC_MOST_CHUNKS) {
        hash_long(batch, text, size, out);
        return;
    }
    batch->lines[chunks][batch->waiting[chunks]++] = (struct mc_line){text, size, out};
    if (batch->waiting[chunks] == batch->kernel->lanes)
        hash_waiting(batch, chunks);
}

static void hash_rest(struct mc_batch *batch)
{
    for (size_t chunks = 1; chunks <= MC_MOST_CHUNKS; chunks++)
        hash_waiting(batch, chunks);
}

static void begin(struct mc_batch *batch, const struct mc_kernel *kernel, int prefix)
{
    batch->kernel = kernel;
    batch->prefix = prefix;
    memset(batch->waiting, 0, sizeof batch->waiting);
}

int mc_hash_lines(const struct mc_kernel *kernel, const uint8_t *data, size_t size, int prefix,
                  uint8_t *out, size_t capacity)
{
    const uint8_t *end = size > 0 ? data + size : data;
    if (prefix < MEDCHAIN_NO_PREFIX || prefix > 255 || (size > 0 && end[-1] != '\n'))
        return MEDCHAIN_BAD_ARGUMENT;
    struct mc_batch batch;
    begin(&batch, kernel, prefix);
    for (; data < end && capacity >= HASH; out += HASH, capacity -= HASH) {
        const uint8_t *feed = memchr(data, '\n', (size_t)(end - data));
        hash_line(&batch, data, (size_t)(feed - data), out);
        data = feed + 1;
    }
    hash_rest(&batch);
    return data == end && capacity == 0 ? MEDCHAIN_OK : MEDCHAIN_BAD_ARGUMENT;
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
    uint8_t padded[MC_MOST_LANES][MC_ROOM + 2 * CHUNK];
    const uint8_t *messages[MC_MOST_LANES];
    uint8_t *digests[MC_MOST_LANES];
    for (size_t done = 0; done < pairs; done += kernel->lanes) {
        size_t left = pairs - done, count = left < kernel->lanes ? left : kernel->lanes;
        for (size_t i = 0; i < count; i++) {
            messages[i] = padded[i] + MC_ROOM;
            digests[i] = nodes + HASH * (done + i);
            pad(padded[i] + MC_ROOM, 2, NODE, nodes + 2 * HASH * (done + i), (size_t)2 * HASH);
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

void mc_tree_begin(struct mc_tree *tree, const struct mc_kernel *kernel)
{
    begin(&tree->batch, kernel, LEAF);
    tree->windows = tree->count = tree->subtrees = 0;
}

/* Turn the leaves of a window into one subtree, and merge it with those of its size. */
static void close_window(struct mc_tree *tree)
{
    uint8_t *next = tree->roots + HASH * tree->subtrees++;
    hash_rest(&tree->batch);
    mc_root(tree->batch.kernel, tree->leaves, tree->count, next);
    for (size_t merged = tree->windows; merged & 1; merged >>= 1, tree->subtrees--)
        fold(tree->batch.kernel, next -= HASH, 1);
    tree->windows++;
    tree->count = 0;
}

void mc_tree_add(struct mc_tree *tree, const uint8_t *text, size_t size)
{
    hash_line(&tree->batch, text, size, tree->leaves + HASH * tree->count);
    if (++tree->count == MC_WINDOW)
        close_window(tree);
}

void mc_tree_end(struct mc_tree *tree, uint8_t *out)
{
    if (tree->count > 0)
        close_window(tree);
    for (; tree->subtrees > 1; tree->subtrees--)
        fold(tree->batch.kernel, tree->roots + HASH * (tree->subtrees - 2), 1);
    mc_root(tree->batch.kernel, tree->roots, tree->subtrees, out);
}

int mc_lines_root(const struct mc_kernel *kernel, const uint8_t *data, size_t size, uint8_t *out)
{
    const uint8_t *end = size > 0 ? data + size : data;
    if (size > 0 && end[-1] != '\n')
        return MEDCHAIN_BAD_ARGUMENT;
    struct mc_tree tree;
    mc_tree_begin(&tree, kernel);
    while (data < end) {
        const uint8_t *feed = memchr(data, '\n', (size_t)(end - data));
        mc_tree_add(&tree, data, (size_t)(feed - data));
        data = feed + 1;
    }
    mc_tree_end(&tree, out);
    return MEDCHAIN_OK;
}

int medchain_lines_root(int number, const uint8_t *data, size_t size, uint8_t *out)
{
    int status;
    const struct mc_kernel *kernel = mc_kernel(number, &status);
    return kernel == NULL ? status : mc_lines_root(kernel, data, size, out);
}
