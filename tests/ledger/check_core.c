/* Checks of the C core through its public API alone, for the machines and tools that have no Python:
 * emulated processors, sanitizers, valgrind. `check_core VECTORS [KERNEL...]` checks the named kernels,
 * each of which must be usable, or else every kernel that is. VECTORS is what vectors_as_text.py
 * prints. The processor may lack a kernel's instructions, but none may fail its self-test.
 *
 * Every buffer that the core sees is a heap block which ends where the data end, so that the tools see
 * the first byte read or written beyond it. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medchain.h"

enum { HASH = 32, HEADER = 112, LONGEST = 300, FIELDS = 6 };

static int kernel, reference;

static _Noreturn void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "kernel %s: ", medchain_kernel_name(kernel));
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

static void expect(int status, int expected, const char *what)
{
    if (status != expected)
        fail("%s: status %d instead of %d", what, status, expected);
}

/* A block of exactly this size, with the data in it where there are any; NULL for no bytes. */
static uint8_t *block(const uint8_t *data, size_t size)
{
    uint8_t *copy = size > 0 ? malloc(size) : NULL;
    if (size > 0 && copy == NULL)
        fail("no memory");
    if (size > 0 && data != NULL)
        memcpy(copy, data, size);
    return copy;
}

/* The same bytes in every run: xorshift (Marsaglia, 2003). */
static uint32_t noise(void)
{
    static uint32_t x = 2463534242;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)noise();
}

static void reference_hash(const uint8_t *data, size_t size, uint8_t *out)
{
    expect(medchain_sha256(reference, data, size, out), MEDCHAIN_OK, "reference");
}

/* The digest of a message that begins `shift` bytes behind the start of its block. */
static void hash_shifted(const uint8_t *message, size_t size, size_t shift, uint8_t *out)
{
    uint8_t *whole = block(NULL, size + shift), *digest = block(NULL, HASH);
    if (size > 0)
        memcpy(whole + shift, message, size);
    expect(medchain_sha256(kernel, size + shift > 0 ? whole + shift : NULL, size, digest),
           MEDCHAIN_OK, "sha256");
    memcpy(out, digest, HASH);
    free(whole);
    free(digest);
}

static void check_lengths(void)
{
    uint8_t message[LONGEST], expected[HASH], found[HASH];
    for (size_t size = 0; size <= LONGEST; size++) {
        fill(message, size);
        reference_hash(message, size, expected);
        for (size_t shift = 0; shift < 4; shift++) {
            hash_shifted(message, size, shift, found);
            if (memcmp(found, expected, HASH) != 0)
                fail("sha256 of %zu bytes, %zu off", size, shift);
        }
    }
}

/* Lines of these lengths, random but for their LF. */
static uint8_t *lines_of(const size_t *lengths, size_t count, size_t *size)
{
    *size = count;
    for (size_t i = 0; i < count; i++)
        *size += lengths[i];
    uint8_t *lines = block(NULL, *size), *at = lines;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < lengths[i]; j++)
            *at++ = (uint8_t)(0x20 + noise() % 95);
        *at++ = '\n';
    }
    return lines;
}

static void check_lines_of(const size_t *lengths, size_t count, int prefix)
{
    size_t size, begin = 0;
    uint8_t *lines = lines_of(lengths, count, &size), *out = block(NULL, HASH * count);
    expect(medchain_hash_lines(kernel, lines, size, prefix, out, HASH * count), MEDCHAIN_OK, "lines");
    for (size_t i = 0; i < count; begin += lengths[i++] + 1) {
        size_t before = prefix == MEDCHAIN_NO_PREFIX ? 0 : 1;
        uint8_t *message = block(NULL, before + lengths[i] + 1), expected[HASH];
        message[0] = (uint8_t)prefix;
        memcpy(message + before, lines + begin, lengths[i]);
        reference_hash(message, before + lengths[i], expected);
        free(message);
        if (memcmp(out + HASH * i, expected, HASH) != 0)
            fail("line %zu of %zu, %zu bytes, prefix %d", i, count, lengths[i], prefix);
    }
    free(lines);
    free(out);
}

/* A line of every length alone, and batches that fill the lanes by less, exactly, and more. */
static void check_lines(void)
{
    enum { MOST = 70 };
    static const int prefixes[] = {MEDCHAIN_NO_PREFIX, 0, 1, 255};
    size_t lengths[MOST];
    for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
        for (size_t length = 0; length <= LONGEST; length++)
            check_lines_of(&length, 1, prefixes[p]);
        for (size_t count = 0; count <= MOST; count++)
            for (size_t most = 1; most <= 4096; most *= 8) {
                for (size_t i = 0; i < count; i++)
                    lengths[i] = noise() % most;
                check_lines_of(lengths, count, prefixes[p]);
            }
        for (size_t length = 40; length < 200; length++) {
            for (size_t i = 0; i < 35; i++)
                lengths[i] = length;
            check_lines_of(lengths, 35, prefixes[p]);
        }
    }
}

static void check_bad_lines(void)
{
    uint8_t *lines = block((const uint8_t *)"a\nb\n", 4), *out = block(NULL, 3 * HASH);
    static const struct { size_t size; int prefix; size_t capacity; } bad[] = {
        {3, 0, 64}, {1, 0, 32}, {4, -2, 64}, {4, 256, 64}, {4, 0, 0}, {4, 0, 32},
        {4, 0, 63}, {4, 0, 65}, {4, 0, 96}, {0, 0, 32}, {0, 0, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *room = block(NULL, bad[i].capacity);
        expect(medchain_hash_lines(kernel, bad[i].size > 0 ? lines : NULL, bad[i].size, bad[i].prefix,
                                   room, bad[i].capacity),
               MEDCHAIN_BAD_ARGUMENT, "lines that do not fit");
        free(room);
    }
    free(lines);
    free(out);
}

/* The recursion of RFC 6962 section 2.1, as it is written there. */
static void tree_hash(const uint8_t *leaves, size_t count, uint8_t *out)
{
    uint8_t node[1 + 2 * HASH] = {1};
    size_t split = 1;
    if (count == 1) {
        memcpy(out, leaves, HASH);
        return;
    }
    while (2 * split < count)
        split *= 2;
    tree_hash(leaves, split, node + 1);
    tree_hash(leaves + HASH * split, count - split, node + 1 + HASH);
    reference_hash(node, sizeof node, out);
}

static void check_root_of(size_t count)
{
    uint8_t *nodes = block(NULL, HASH * count), *out = block(NULL, HASH), expected[HASH];
    fill(nodes, HASH * count);
    if (count == 0)
        reference_hash(NULL, 0, expected);
    else
        tree_hash(nodes, count, expected);
    expect(medchain_root(kernel, nodes, count, out), MEDCHAIN_OK, "root");
    if (memcmp(out, expected, HASH) != 0)
        fail("root of %zu leaves", count);
    free(nodes);
    free(out);
}

static void check_roots(void)
{
    for (size_t count = 0; count <= 140; count++)
        check_root_of(count);
    for (size_t power = 256; power <= 1024; power *= 2)
        for (size_t count = power - 1; count <= power + 1; count++)
            check_root_of(count);
}

static void check_lines_root_of(size_t count)
{
    size_t size, *lengths = (size_t *)(void *)block(NULL, count * sizeof *lengths);
    for (size_t i = 0; i < count; i++)
        lengths[i] = noise() % 90 + (i + 1 == count); /* the last one not empty */
    uint8_t *lines = lines_of(lengths, count, &size), *leaves = block(NULL, HASH * count);
    uint8_t *out = block(NULL, HASH), expected[HASH];
    expect(medchain_hash_lines(reference, lines, size, 0, leaves, HASH * count), MEDCHAIN_OK, "leaves");
    expect(medchain_root(reference, leaves, count, expected), MEDCHAIN_OK, "reference root");
    expect(medchain_lines_root(kernel, lines, size, out), MEDCHAIN_OK, "root of lines");
    if (memcmp(out, expected, HASH) != 0)
        fail("root of %zu lines", count);
    if (count > 0)
        expect(medchain_lines_root(kernel, lines, size - 1, out), MEDCHAIN_BAD_ARGUMENT, "no LF");
    free(lengths);
    free(lines);
    free(leaves);
    free(out);
}

/* Small batches, and those about multiples of any power of two up to 2048: windows and subtrees. */
static void check_lines_roots(void)
{
    for (size_t count = 0; count <= 70; count++)
        check_lines_root_of(count);
    for (size_t near = 128; near <= 2048; near += 128)
        for (size_t count = near - 1; count <= near + 1; count++)
            check_lines_root_of(count);
}

static void put_nonce(uint8_t *header, uint64_t nonce)
{
    for (size_t i = 0; i < 8; i++)
        header[HEADER - 1 - i] = (uint8_t)(nonce >> 8 * i);
}

static unsigned leading_zeros(const uint8_t *header, uint64_t nonce)
{
    uint8_t message[HEADER], digest[HASH];
    unsigned zeros = 0;
    memcpy(message, header, HEADER);
    put_nonce(message, nonce);
    reference_hash(message, HEADER, digest);
    while (zeros < 8 * HASH && (digest[zeros / 8] >> (7 - zeros % 8) & 1) == 0)
        zeros++;
    return zeros;
}

static void expect_mined(const uint8_t *header, uint64_t start, uint64_t count, uint32_t bits,
                         int status, uint64_t nonce)
{
    uint64_t found = UINT64_MAX;
    expect(medchain_mine(kernel, header, start, count, bits, NULL, &found), status, "mine");
    if (found != nonce)
        fail("%u bits from %llu, %llu nonces: %llu instead of %llu", (unsigned)bits,
             (unsigned long long)start, (unsigned long long)count, (unsigned long long)found,
             (unsigned long long)nonce);
}

/* Every range of up to 36 nonces in a window, so that the lowest hit falls on every lane and every
 * range ends on every lane; once across a change of the nonce's high word. */
static void check_ranges(const uint8_t *header, uint64_t start)
{
    enum { WINDOW = 80, WIDEST = 36 };
    static const uint32_t targets[] = {0, 1, 4, 6};
    unsigned zeros[WINDOW];
    for (uint64_t i = 0; i < WINDOW; i++)
        zeros[i] = leading_zeros(header, start + i);
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
        for (uint64_t first = 0; first < WINDOW - WIDEST; first++)
            for (uint64_t count = 0; count <= WIDEST; count++) {
                uint64_t hit = first;
                while (hit < first + count && zeros[hit] < targets[t])
                    hit++;
                int status = hit < first + count ? MEDCHAIN_FOUND : MEDCHAIN_EXHAUSTED;
                expect_mined(header, start + first, count, targets[t], status, start + hit);
            }
}

static void check_mining(void)
{
    static const uint64_t starts[] = {
        0, ((uint64_t)1 << 16) - 40, ((uint64_t)1 << 32) - 40, ((uint64_t)1 << 40) + 7,
        ((uint64_t)3 << 32) - 41, ((uint64_t)1 << 53) - 80, UINT64_MAX - 80,
    };
    uint8_t *header = block(NULL, HEADER);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        fill(header, HEADER);
        check_ranges(header, starts[i]);
    }
    free(header);
}

/* More than a slice, a target beyond the first word, the stop flag, and arguments that are wrong. */
static void check_mining_on(void)
{
    enum { ZERO_BITS = 34 };
    const uint64_t known = 725899604; /* the lowest nonce for a header of zeros and 34 bits */
    uint8_t *header = block(NULL, HEADER);
    uint64_t *nonce = (uint64_t *)(void *)block(NULL, sizeof *nonce);
    memset(header, 0, HEADER);
    expect_mined(header, known - 65536 - 5, 200000, ZERO_BITS, MEDCHAIN_FOUND, known);
    expect_mined(header, known - 5, 60, ZERO_BITS + 1, MEDCHAIN_EXHAUSTED, known + 55);
    expect_mined(header, ((uint64_t)5 << 32) - 3, 70001, 256, MEDCHAIN_EXHAUSTED,
                 ((uint64_t)5 << 32) + 69998);
    const volatile int stop = 1;
    expect(medchain_mine(kernel, header, 7, 9, 0, &stop, nonce), MEDCHAIN_STOPPED, "stop");
    if (*nonce != 7)
        fail("stopped before the first nonce, but said otherwise");
    expect(medchain_mine(kernel, header, 0, 1, 257, NULL, nonce), MEDCHAIN_BAD_ARGUMENT, "257 bits");
    expect(medchain_mine(kernel, header, UINT64_MAX, 1, 0, NULL, nonce), MEDCHAIN_BAD_ARGUMENT,
           "a range beyond 2^64");
    free(header);
    free(nonce);
}

/* One line of the vectors, cut at its spaces in place. */
struct vector {
    char *kind, *field[FIELDS];
};

static int next_vector(char **text, struct vector *vector)
{
    char *end = strchr(*text, '\n');
    if (end == NULL)
        return 0;
    *end = '\0';
    vector->kind = *text;
    *text = end + 1;
    char *at = vector->kind;
    for (size_t i = 0; i < FIELDS; i++) {
        at = at == NULL ? NULL : strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
        vector->field[i] = at;
    }
    return 1;
}

static unsigned digit(char hex)
{
    const char *digits = "0123456789abcdef", *found = strchr(digits, hex);
    return (unsigned)(found - digits);
}

static void unhex_at(const char *hex, uint8_t *bytes, size_t i)
{
    bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

static uint8_t *unhex(const char *hex, size_t *size)
{
    *size = strlen(hex) / 2;
    uint8_t *bytes = block(NULL, *size);
    for (size_t i = 0; i < *size; i++)
        unhex_at(hex, bytes, i);
    return bytes;
}

static void expect_hex(const uint8_t *digest, const char *hex, const char *what)
{
    size_t size;
    uint8_t *expected = unhex(hex, &size);
    if (size != HASH || memcmp(digest, expected, HASH) != 0)
        fail("%s is not %s", what, hex);
    free(expected);
}

/* hash REPEAT MESSAGE DIGEST */
static void check_hash(const struct vector *v)
{
    size_t size, repeat = strtoul(v->field[0], NULL, 10);
    uint8_t *once = unhex(v->field[1], &size), *message = block(NULL, size * repeat), digest[HASH];
    for (size_t i = 0; i < repeat && size > 0; i++)
        memcpy(message + size * i, once, size);
    hash_shifted(message, size * repeat, 0, digest);
    expect_hex(digest, v->field[2], "a known answer");
    free(once);
    free(message);
}

/* block LINES ROOT: the event line and the record lines of a block, and their Merkle root. */
static void check_block(const struct vector *v)
{
    size_t size, count = 0;
    uint8_t *lines = unhex(v->field[0], &size), root[HASH];
    for (size_t i = 0; i < size; i++)
        count += lines[i] == '\n';
    uint8_t *leaves = block(NULL, HASH * count);
    expect(medchain_hash_lines(kernel, lines, size, 0, leaves, HASH * count), MEDCHAIN_OK, "leaves");
    expect(medchain_root(kernel, leaves, count, root), MEDCHAIN_OK, "root");
    expect_hex(root, v->field[1], "a block's root");
    free(lines);
    free(leaves);
}

/* mine HEADER BITS NONCE: the lowest nonce. */
static void check_mine(const struct vector *v)
{
    size_t size;
    uint8_t *header = unhex(v->field[0], &size);
    uint32_t bits = (uint32_t)strtoul(v->field[1], NULL, 10);
    expect_mined(header, 0, 1 << 20, bits, MEDCHAIN_FOUND, strtoull(v->field[2], NULL, 10));
    free(header);
}

/* How many blocks behind block 0 the core accepts, with room for so many hashes and runs. */
static size_t accepted(const struct vector *v, const uint8_t *data, size_t size, size_t room,
                       size_t runs)
{
    struct medchain_scan scan = {.height = 1, .hash_room = room, .run_room = runs};
    size_t prev_size;
    uint8_t *exact = block(data, size), *prev = unhex(v->field[3], &prev_size);
    scan.min_bits = strtoull(v->field[0], NULL, 10);
    scan.sealed = v->field[1][0] == '1';
    scan.time = strtoull(v->field[2], NULL, 10);
    memcpy(scan.prev, prev, HASH);
    scan.hashes = block(NULL, HASH * room);
    scan.runs = (void *)block(NULL, runs * sizeof *scan.runs);
    expect(medchain_scan(kernel, exact, size, &scan), MEDCHAIN_OK, "scan");
    if (scan.blocks > room || scan.size > size)
        fail("scan of %zu bytes: %zu blocks, %zu bytes", size, scan.blocks, scan.size);
    free(exact);
    free(prev);
    free(scan.hashes);
    free(scan.runs);
    return scan.blocks;
}

/* scan MIN_BITS SEALED TIME PREV BLOCKS LEDGER: what follows block 0, from which these were taken,
 * and how many blocks of it hold. The core may accept fewer: what is unusual is the caller's. */
static void check_scan(const struct vector *v)
{
    size_t size, blocks = strtoul(v->field[4], NULL, 10);
    uint8_t *ledger = unhex(v->field[5], &size);
    if (accepted(v, ledger, size, blocks + 2, blocks + 2) > blocks)
        fail("a ledger of %zu good blocks was accepted beyond: %.*s", blocks, (int)size,
             (const char *)ledger);
    free(ledger);
}

/* How many block lines end before this place. */
static size_t blocks_before(const uint8_t *ledger, size_t place)
{
    size_t blocks = 0, line = 0;
    for (size_t i = 0; i < place; i++)
        if (ledger[i] == '\n') {
            blocks += memcmp(ledger + line, "{\"block\":", 9) == 0;
            line = i + 1;
        }
    return blocks;
}

/* Behind a block 0 that asks for more work, is later, or has another hash, the same is not accepted. */
static void check_other_heads(const struct vector *v, const uint8_t *ledger, size_t size, size_t blocks)
{
    static const struct { size_t field; const char *text; } others[] = {
        {0, "9"}, {2, "9007199254740991"}, 
        {3, "0000000000000000000000000000000000000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct vector other = *v;
        char text[65];
        other.field[others[i].field] = strcpy(text, others[i].text);
        if (accepted(&other, ledger, size, blocks, blocks) != 0)
            fail("accepted behind another block 0, field %zu", others[i].field);
    }
}

/* accept: as scan, but all of it holds and is usual. Cut anywhere, or with any byte changed, it is
 * accepted up to the block before. */
static void check_accept(const struct vector *v)
{
    size_t size, blocks = strtoul(v->field[4], NULL, 10);
    uint8_t *ledger = unhex(v->field[5], &size);
    for (size_t cut = 0; cut <= size; cut++)
        if (accepted(v, ledger, cut, blocks, blocks) != blocks_before(ledger, cut))
            fail("a ledger cut to %zu bytes", cut);
    for (size_t room = 0; room <= blocks; room++)
        if (accepted(v, ledger, size, room, blocks) != room)
            fail("room for %zu blocks", room);
    if (accepted(v, ledger, size, blocks, 0) != 0)
        fail("no room for runs");
    check_other_heads(v, ledger, size, blocks);
    for (size_t i = 0; i < size; i++) {
        ledger[i] ^= (uint8_t)(1 << noise() % 8);
        size_t found = accepted(v, ledger, size, blocks, blocks);
        unhex_at(v->field[5], ledger, i);
        if (found != blocks_before(ledger, i))
            fail("a ledger with byte %zu changed", i);
    }
    free(ledger);
}

static void check_vectors(const char *vectors)
{
    static const struct { const char *kind; void (*check)(const struct vector *); } kinds[] = {
        {"hash", check_hash}, {"block", check_block}, {"mine", check_mine},
        {"scan", check_scan}, {"accept", check_accept},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    char *text = (char *)block((const uint8_t *)vectors, strlen(vectors) + 1), *at = text;
    unsigned seen[KINDS] = {0};
    for (struct vector vector; next_vector(&at, &vector);)
        for (size_t i = 0; i < KINDS; i++)
            if (strcmp(vector.kind, kinds[i].kind) == 0) {
                kinds[i].check(&vector);
                seen[i]++;
            }
    for (size_t i = 0; i < KINDS; i++)
        if (seen[i] == 0)
            fail("no vector of kind %s", kinds[i].kind);
    free(text);
}

static void check_kernel(const char *vectors)
{
    check_vectors(vectors);
    check_lengths();
    check_lines();
    check_bad_lines();
    check_roots();
    check_lines_roots();
    check_mining();
    check_mining_on();
    printf("%s ", medchain_kernel_name(kernel));
}

/* Whatever was measured, the choice is a kernel that works, and stays the same. */
/* What is written is right, or there was too little room for it and what may stand before it. */
static void expect_written(int status, const uint8_t *out, size_t room, const char *right,
                           size_t written)
{
    if (status == MEDCHAIN_BAD_ARGUMENT && room < strlen(right) + MEDCHAIN_LINE_ROOM)
        return;
    expect(status, MEDCHAIN_OK, right);
    if (written > room || written != strlen(right) || memcmp(out, right, written) != 0)
        fail("wrote %.*s", (int)written, (const char *)out);
}

/* Lines in every room up to more than enough: the sanitizers see a byte too many. */
static void check_written(void)
{
    static const char objects[] = "{\"a\":\"1\",\"b\":\"\"}\n{\"a\":\"\",\"b\":\"xyz\"}\n";
    static const char open[] = "{\"record\":9,\"score\":0.25,\"anomaly\":false,\"row\":{\"a\":\"1\",\"b\":\"\"}}\n"
                               "{\"record\":10,\"score\":1.0,\"anomaly\":true,\"row\":{\"a\":\"\",\"b\":\"xyz\"}}\n";
    const double scores[] = {0.25, 1.0};
    uint8_t *rows = block((const uint8_t *)"1,\n,xyz\n", 8), *salts = block(NULL, 32);
    uint8_t *names = block((const uint8_t *)"{\"a\":\"\n\",\"b\":\"\n", 15);
    uint8_t *lines = block((const uint8_t *)objects, strlen(objects));
    memset(salts, 0xab, 32);
    for (size_t room = 0; room <= 2 * (MEDCHAIN_LINE_ROOM + sizeof objects); room++) {
        uint8_t *out = block(NULL, room > 0 ? room : 1);
        size_t written = 0;
        int status = medchain_row_objects(rows, 8, ',', names, 15, out, room, &written);
        expect_written(status, out, room, objects, written);
        status = medchain_open_records(scores, lines, strlen(objects), 2, 0.5, 9, out, room, &written);
        expect_written(status, out, room, open, written);
        status = medchain_sealed_records(scores, salts, 1, 0.5, 9, out, room, &written);
        if (room < MEDCHAIN_LINE_ROOM)
            expect(status, MEDCHAIN_BAD_ARGUMENT, "too little room for a record");
        status = medchain_sealed_lines(lines, strlen(objects), salts, 2, salts, 9, out, room, &written);
        if (room < MEDCHAIN_LINE_ROOM)
            expect(status, MEDCHAIN_BAD_ARGUMENT, "too little room for a sealed line");
        free(out);
    }
    free(rows);
    free(names);
    free(lines);
    free(salts);
}

static void check_defaults(void)
{
    static const int purposes[] = {MEDCHAIN_MINING, MEDCHAIN_HASHING};
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        int chosen = medchain_kernel_default(purposes[i]);
        expect(medchain_kernel_status(chosen), MEDCHAIN_OK, "default kernel");
        expect(medchain_kernel_default(purposes[i]), chosen, "default kernel, asked again");
        expect(medchain_kernel_default(purposes[i] < 1 ? -1 : 2), MEDCHAIN_BAD_ARGUMENT, "no purpose");
    }
}

static int number_of(const char *name)
{
    for (int i = 0; i < medchain_kernel_count(); i++)
        if (strcmp(medchain_kernel_name(i), name) == 0)
            return i;
    return MEDCHAIN_UNKNOWN_KERNEL;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    size_t size = (size_t)ftell(file);
    char *text = (char *)block(NULL, size + 1);
    rewind(file);
    text[fread(text, 1, size, file)] = '\0';
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    char *vectors = read_file(argv[1]);
    reference = number_of("portable");
    for (int i = 2; i < argc; i++) {
        if ((kernel = number_of(argv[i])) < 0)
            return 2;
        expect(medchain_kernel_status(kernel), MEDCHAIN_OK, argv[i]);
        check_kernel(vectors);
    }
    for (kernel = 0; argc == 2 && kernel < medchain_kernel_count(); kernel++) {
        int status = medchain_kernel_status(kernel);
        if (status == MEDCHAIN_OK)
            check_kernel(vectors);
        else if (status != MEDCHAIN_NOT_COMPILED && status != MEDCHAIN_NOT_SUPPORTED)
            fail("status %d", status);
    }
    kernel = reference;
    check_defaults();
    check_written();
    expect(medchain_kernel_status(-1), MEDCHAIN_UNKNOWN_KERNEL, "kernel -1");
    expect(medchain_kernel_status(medchain_kernel_count()), MEDCHAIN_UNKNOWN_KERNEL, "one too many");
    free(vectors);
    puts("agree");
    return 0;
}
