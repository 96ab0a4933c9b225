/* The peer of benchmarks/hashing.py: what a careful C program gets out of OpenSSL for many short
 * messages. The algorithm is fetched once and the context reused. */

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

static EVP_MD_CTX *context;

int evp_begin(void)
{
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    context = EVP_MD_CTX_new();
    return sha256 != NULL && context != NULL && EVP_DigestInit_ex2(context, sha256, NULL);
}

static void hash(const uint8_t *message, size_t size, uint8_t out[32])
{
    EVP_DigestInit_ex2(context, NULL, NULL);
    EVP_DigestUpdate(context, message, size);
    EVP_DigestFinal_ex(context, out, NULL);
}

void evp_lines(const uint8_t *data, size_t size, uint8_t *out)
{
    for (const uint8_t *end = data + size; data < end; out += 32) {
        const uint8_t *feed = memchr(data, '\n', (size_t)(end - data));
        hash(data, (size_t)(feed - data), out);
        data = feed + 1;
    }
}

/* RFC 6962 section 2.1, level by level, as medchain_root folds. */
void evp_root(uint8_t *nodes, size_t count, uint8_t *out)
{
    uint8_t node[65] = {1};
    for (; count > 1; count = count / 2 + count % 2) {
        for (size_t i = 0; i < count / 2; i++) {
            memcpy(node + 1, nodes + 64 * i, 64);
            hash(node, sizeof node, nodes + 32 * i);
        }
        if (count % 2)
            memmove(nodes + 32 * (count / 2), nodes + 32 * (count - 1), 32);
    }
    memcpy(out, nodes, 32);
}
