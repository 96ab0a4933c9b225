/* A fast acceptor of blocks. What it accepts holds by docs/format.md, to the last byte. What it
 * does not accept may hold as well: ledger/judge.py decides, and words every finding. So nothing
 * here says why; each function returns the place behind what it read, or NULL. */

#include "kernels.h"
#include "text.h"

enum {
    HASH = 32,
    HEADER = 112,
    MOST_EVENT = 1024, /* a longer event line, or one with more further keys, is left to Python */
    MOST_FURTHER = 16,
    MOST_COLUMNS = 1024,
    MOST_BLOCK = 1 << 24,
    MOST_LINE = 1 << 20,
    MOST_RECORDS = 1 << 17,
    MOST_CLASSES = 1000,
    MOST_BLOCK_LINE = 512
};

struct span {
    const uint8_t *at;
    size_t size;
};

/* What the records of a block hold beside their verdict; in a score event it is a score. */
enum says { SCORE, CLASS, TEXT };

/* What a score or a verdict event says (docs/format.md, section 3); the threshold is in millionths,
 * and above all of them where there is none. */
struct score {
    const uint8_t *batch, *model;
    int declared;
    enum says says;
    int64_t threshold;
    uint64_t rows, anomalies, errors;
};

/* The next record's number in decimal, so that none has to be parsed; the mask has 0xff where there
 * is a digit, for a comparison of 16 bytes at once. */
struct counter {
    uint8_t digits[16], mask[16];
    size_t size;
};

/* The keys of the last row; no two are the same. */
struct columns {
    struct span key[MOST_COLUMNS];
    size_t count;
};

struct scanner {
    const struct mc_kernel *kernel;
    struct medchain_scan *scan;
    const uint8_t *end;
    struct score score;
    struct counter counter;
    uint64_t anomalies, errors, count;
    struct columns columns;
    struct mc_tree tree;
};

/* --- strings and rows ------------------------------------------------------------------------ */

/* Behind one escape (RFC 8259, section 7). */
static const uint8_t *escape(const uint8_t *p)
{
    if (p[1] != 'u')
        return p[1] != 0 && strchr("\"\\/bfnrt", p[1]) != NULL ? p + 2 : NULL;
    for (int i = 2; i < 6; i++)
        if (!mc_is_digit(p[i]) && (uint8_t)((p[i] | 0x20) - 'a') > 5)
            return NULL;
    return p + 6;
}

/* Behind the quote that ends the string whose first byte is at p. */
static const uint8_t *string(const uint8_t *p, const uint8_t *end, int escapes)
{
    while (p != NULL && end - p >= MC_MARGIN) {
        unsigned plain = mc_plain(p);
        p += plain;
        if (plain == 16)
            continue;
        if (*p == '"')
            return p + 1;
        p = *p == '\\' && escapes ? escape(p) : NULL;
    }
    return NULL;
}

static int same_span(const struct span *a, const struct span *b)
{
    return a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

static int all_differ(const struct span *spans, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (same_span(&spans[i], &spans[j]))
                return 0;
    return 1;
}

/* A row: an object of strings without spaces, no key twice. Keys have no escapes, so that two are
 * the same where their bytes are; nearly always they are those of the row before, or the first of
 * those, and known to differ. */
static const uint8_t *row(struct columns *columns, const uint8_t *p, const uint8_t *end)
{
    size_t count = 0;
    int changed = 0;
    uint8_t before = '{';
    do {
        if (*p++ != before || *p++ != '"' || count == MOST_COLUMNS)
            return NULL;
        struct span *key = &columns->key[count];
        if (count < columns->count && (size_t)(end - p) >= key->size + MC_MARGIN
            && memcmp(p, key->at, key->size) == 0 && p[key->size] == '"') {
            p += key->size + 1;
        } else {
            const uint8_t *behind = string(p, end, 0);
            if (behind == NULL)
                return NULL;
            *key = (struct span){p, (size_t)(behind - p) - 1};
            p = behind;
            changed = 1;
        }
        p = mc_literal(p, ":\"");
        p = p == NULL ? NULL : string(p, end, 1);
        if (p == NULL || end - p < MC_MARGIN)
            return NULL;
        count++;
        before = ',';
    } while (*p == ',');
    columns->count = count;
    return *p == '}' && (!changed || all_differ(columns->key, count)) ? p + 1 : NULL;
}

/* --- record lines ---------------------------------------------------------------------------- */

static void count_from(struct counter *counter, uint64_t number)
{
    uint8_t reversed[20];
    size_t size = 0;
    do {
        reversed[size++] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    *counter = (struct counter){.size = size};
    for (size_t i = 0; i < size; i++) {
        counter->digits[i] = reversed[size - 1 - i];
        counter->mask[i] = 0xff;
    }
}

static void count_on(struct counter *counter)
{
    size_t i = counter->size;
    while (i > 0 && counter->digits[i - 1] == '9')
        counter->digits[--i] = '0';
    if (i > 0) {
        counter->digits[i - 1]++;
    } else {
        counter->digits[0] = '1';
        counter->mask[counter->size] = 0xff;
        counter->digits[counter->size++] = '0';
    }
}

/* The number at p; more digits behind it are the business of what has to follow. */
static const uint8_t *counted(const struct counter *counter, const uint8_t *p)
{
    uint64_t text[2], digits[2], mask[2];
    memcpy(text, p, sizeof text);
    memcpy(digits, counter->digits, sizeof digits);
    memcpy(mask, counter->mask, sizeof mask);
    uint64_t other = ((text[0] ^ digits[0]) & mask[0]) | ((text[1] ^ digits[1]) & mask[1]);
    return other == 0 ? p + counter->size : NULL;
}

/* A score or the number of a class, in millionths. */
static const uint8_t *value(enum says says, const uint8_t *p, int64_t *millionths)
{
    if (says == SCORE)
        return mc_decimal(mc_literal(p, ",\"score\":"), millionths);
    uint64_t number = 0;
    p = mc_whole(mc_literal(p, ",\"class\":"), &number);
    *millionths = (int64_t)number * 1000000;
    return number < MOST_CLASSES ? p : NULL;
}

/* Why a declared model gave no verdict. */
static const uint8_t *said(struct scanner *s, const uint8_t *p)
{
    p = s->score.declared ? mc_literal(p, ",\"said\":\"") : NULL;
    if (p == NULL)
        return NULL;
    const uint8_t *error = mc_literal(p, "error\",");
    s->errors += error != NULL;
    if (error == NULL)
        error = mc_literal(p, "unfit\",");
    return error != NULL || s->score.says != TEXT ? error : mc_literal(p, "text\",");
}

/* What the model said, with the verdict that the threshold demands. */
static const uint8_t *verdict(struct scanner *s, const uint8_t *p)
{
    int64_t millionths = 0;
    const uint8_t *behind = s->score.says == TEXT ? NULL : value(s->score.says, p, &millionths);
    if (behind == NULL)
        return p == NULL ? NULL : said(s, p);
    int anomaly = millionths >= s->score.threshold;
    s->anomalies += (uint64_t)anomaly;
    p = mc_literal(behind, ",\"anomaly\":");
    return anomaly ? mc_literal(p, "true,") : mc_literal(p, "false,");
}

/* A record line, its LF included, with the next number. */
static const uint8_t *record(struct scanner *s, const uint8_t *line)
{
    const uint8_t *p = verdict(s, counted(&s->counter, line + sizeof "{\"record\":" - 1));
    if (s->scan->sealed)
        return mc_literal(mc_hex(mc_literal(p, "\"seal\":\""), 64), "\"}\n");
    p = mc_literal(p, "\"row\":");
    p = p == NULL ? NULL : mc_literal(row(&s->columns, p, s->end), "}\n");
    return p != NULL && p - line - 1 > MOST_LINE ? NULL : p;
}

/* --- event and block lines ------------------------------------------------------------------- */

/* A further key with a plain value: `,"key":1.5` or `,"key":"text"`. */
static const uint8_t *further(const uint8_t *p, const uint8_t *end, struct span *key)
{
    int64_t ignored;
    p = mc_literal(p, ",\"");
    const uint8_t *behind = p == NULL ? NULL : string(p, end, 0);
    if (behind == NULL)
        return NULL;
    *key = (struct span){p, (size_t)(behind - p) - 1};
    p = mc_literal(behind, ":");
    if (p != NULL && *p == '"')
        return string(p + 1, end, 0);
    return mc_decimal(p, &ignored);
}

/* No key stands twice: not one that such an event must have, and none of the others. */
static const uint8_t *further_keys(const uint8_t *p, const uint8_t *end)
{
    static const char *const known[] = {"event", "batch", "model", "threshold", "rows", "anomalies",
                                        "says", "errors"};
    enum { KNOWN = sizeof known / sizeof *known };
    struct span keys[KNOWN + MOST_FURTHER];
    size_t count = 0;
    for (; count < KNOWN; count++)
        keys[count] = (struct span){(const uint8_t *)known[count], strlen(known[count])};
    while (p != NULL && *p == ',' && count < KNOWN + MOST_FURTHER)
        p = further(p, end, &keys[count++]);
    return p != NULL && all_differ(keys, count) ? p : NULL;
}

/* What a declared model says, and its threshold, if it has one. */
static const uint8_t *declared(struct score *score, const uint8_t *p)
{
    static const char *const words[] = {"probability", "number", "class", "text"};
    static const enum says says[] = {SCORE, SCORE, CLASS, TEXT};
    const uint8_t *behind = NULL;
    p = mc_literal(p, ",\"says\":\"");
    for (int i = 0; behind == NULL && i < 4; i++) {
        behind = mc_same(p, words[i], strlen(words[i]));
        score->says = says[i];
    }
    p = mc_literal(behind, "\",\"threshold\":");
    score->threshold = INT64_MAX;
    behind = mc_literal(p, "null");
    return behind != NULL ? behind : mc_decimal(p, &score->threshold);
}

/* The event line of scored records, its LF included. It is read from a copy with zeros behind it,
 * which match nothing. */
static const uint8_t *event(struct scanner *s, const uint8_t *line)
{
    uint8_t copy[MOST_EVENT + MC_MARGIN] = {0};
    const size_t room = (size_t)(s->end - line);
    const uint8_t *feed = memchr(line, '\n', room < MOST_EVENT ? room : MOST_EVENT);
    if (feed == NULL)
        return NULL;
    memcpy(copy, line, (size_t)(feed + 1 - line));

    struct score *score = &s->score;
    const uint8_t *p = mc_literal(copy, "{\"event\":\"score\",\"batch\":\"");
    score->declared = p == NULL;
    if (p == NULL)
        p = mc_literal(copy, "{\"event\":\"verdict\",\"batch\":\"");
    score->batch = p == NULL ? NULL : line + (p - copy);
    p = mc_literal(mc_hex(p, 32), "\",\"model\":\"");
    score->model = p == NULL ? NULL : line + (p - copy);
    p = mc_literal(mc_hex(p, 64), "\"");
    score->says = SCORE;
    p = score->declared ? declared(score, p)
                        : mc_decimal(mc_literal(p, ",\"threshold\":"), &score->threshold);
    p = mc_whole(mc_literal(p, ",\"rows\":"), &score->rows);
    p = mc_whole(mc_literal(p, ",\"anomalies\":"), &score->anomalies);
    score->errors = 0;
    if (score->declared)
        p = mc_whole(mc_literal(p, ",\"errors\":"), &score->errors);
    p = mc_literal(further_keys(p, copy + sizeof copy), "}\n");
    return p == NULL ? NULL : line + (p - copy);
}

static uint8_t *store64(uint8_t *p, uint64_t number)
{
    mc_store32(p, (uint32_t)(number >> 32));
    mc_store32(p + 4, (uint32_t)number);
    return p + 8;
}

struct block {
    uint64_t height, time, first, count, bits, nonce;
    uint8_t prev[HASH], root[HASH], hash[HASH];
};

/* A block line, its LF included, read from a copy as an event line is. */
static const uint8_t *block_line(const struct scanner *s, const uint8_t *line, struct block *block)
{
    uint8_t copy[MOST_BLOCK_LINE + MC_MARGIN] = {0};
    const size_t room = (size_t)(s->end - line);
    memcpy(copy, line, room < MOST_BLOCK_LINE ? room : MOST_BLOCK_LINE);

    const uint8_t *p = mc_whole(mc_literal(copy, "{\"block\":"), &block->height);
    p = mc_whole(mc_literal(p, ",\"time\":"), &block->time);
    p = mc_whole(mc_literal(p, ",\"first\":"), &block->first);
    p = mc_whole(mc_literal(p, ",\"count\":"), &block->count);
    p = mc_whole(mc_literal(p, ",\"bits\":"), &block->bits);
    p = mc_hash(mc_literal(p, ",\"prev\":\""), block->prev);
    p = mc_hash(mc_literal(p, "\",\"root\":\""), block->root);
    p = mc_whole(mc_literal(p, "\",\"nonce\":"), &block->nonce);
    p = mc_hash(mc_literal(p, ",\"hash\":\""), block->hash);
    p = mc_literal(p, "\"}\n");
    return p == NULL ? NULL : line + (p - copy);
}

static int begins_with_zeros(const uint8_t *hash, uint64_t bits)
{
    for (; bits >= 8; bits -= 8)
        if (*hash++ != 0)
            return 0;
    return *hash >> (8 - bits) == 0;
}

/* Whether `block` follows the head, and its hash is that of its header (section 5) and has the
 * work that it claims. */
static int links(const struct scanner *s, const struct block *block)
{
    const struct medchain_scan *head = s->scan;
    if (block->height != head->height || block->first != head->first || block->count != s->count
        || block->time < head->time || block->bits > 255 || block->bits < head->min_bits
        || memcmp(block->prev, head->prev, HASH) != 0)
        return 0;

    uint8_t header[HEADER] = {0, 'M', 'C', '1'}, *p = header + 4, hash[HASH];
    p = store64(store64(store64(p, block->height), block->first), block->count);
    mc_store32(p, (uint32_t)block->bits);
    memcpy(p + 4, block->prev, HASH);
    memcpy(p + 4 + HASH, block->root, HASH);
    store64(store64(p + 4 + 2 * HASH, block->time), block->nonce);
    struct mc_sha256 sha256;
    mc_sha256_begin(&sha256, s->kernel);
    mc_sha256_add(&sha256, header, HEADER);
    mc_sha256_end(&sha256, hash);
    return memcmp(hash, block->hash, HASH) == 0 && begins_with_zeros(hash, block->bits);
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* The event line and the record lines, as leaves of the tree; `count` becomes the number of
 * records. */
static const uint8_t *body(struct scanner *s, const uint8_t *line)
{
    s->anomalies = s->errors = s->count = 0;
    count_from(&s->counter, s->scan->first);
    mc_tree_begin(&s->tree, s->kernel);
    const uint8_t *p = event(s, line);
    /* A block line is longer than the margin, so that every line before it is read safely. */
    while (p != NULL) {
        mc_tree_add(&s->tree, line, (size_t)(p - line) - 1);
        if (s->end - p < MC_MARGIN || mc_literal(p, "{\"record\":") == NULL)
            break;
        line = p;
        p = record(s, line);
        count_on(&s->counter);
        s->count++;
    }
    return s->scan->first + s->count < MC_LIMIT ? p : NULL;
}

/* Add the block to the run that the block before belongs to, or begin another. */
static int tally(struct medchain_scan *scan, const struct score *score, const struct block *block)
{
    struct medchain_run *run = scan->run_count == 0 ? NULL : &scan->runs[scan->run_count - 1];
    if (run == NULL || memcmp(run->batch, score->batch, sizeof run->batch) != 0
        || memcmp(run->model, score->model, sizeof run->model) != 0 || run->bits != block->bits
        || run->declared != score->declared) {
        if (scan->run_count == scan->run_room)
            return 0;
        run = &scan->runs[scan->run_count++];
        memcpy(run->batch, score->batch, sizeof run->batch);
        memcpy(run->model, score->model, sizeof run->model);
        run->bits = block->bits;
        run->declared = score->declared;
        run->blocks = run->records = 0;
    }
    run->blocks++;
    run->records += block->count;
    return 1;
}

static const uint8_t *accept_block(struct scanner *s, const uint8_t *start)
{
    struct medchain_scan *scan = s->scan;
    struct block block;
    uint8_t root[HASH];
    const uint8_t *line = body(s, start);
    const uint8_t *end = line == NULL ? NULL : block_line(s, line, &block);
    if (end == NULL || end - start > MOST_BLOCK || s->count > MOST_RECORDS)
        return NULL;
    if (s->score.rows != s->count || s->score.anomalies != s->anomalies
        || s->score.errors != s->errors || !links(s, &block))
        return NULL;
    mc_tree_end(&s->tree, root);
    if (memcmp(root, block.root, HASH) != 0 || !tally(scan, &s->score, &block))
        return NULL;

    memcpy(scan->hashes + HASH * scan->blocks, block.hash, HASH);
    memcpy(scan->prev, block.hash, HASH);
    scan->blocks++;
    scan->size += (size_t)(end - start);
    scan->height++;
    scan->time = block.time;
    scan->first += s->count;
    scan->records += s->count;
    scan->anomalies += s->anomalies;
    scan->lines += s->count + 2;
    return end;
}

int medchain_scan(int number, const uint8_t *data, size_t size, struct medchain_scan *scan)
{
    int status;
    struct scanner s;
    s.kernel = mc_kernel(number, &status);
    if (s.kernel == NULL)
        return status;
    s.scan = scan;
    s.end = size > 0 ? data + size : data;
    s.columns.count = 0;
    scan->size = scan->blocks = 0;
    scan->lines = scan->records = scan->anomalies = 0;
    scan->run_count = 0;

    if (scan->height == 0 || scan->first >= MC_LIMIT)
        return MEDCHAIN_OK;
    while (data != NULL && scan->blocks < scan->hash_room)
        data = accept_block(&s, data);
    return MEDCHAIN_OK;
}
