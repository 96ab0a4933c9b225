/* Lines of the ledger and of the vault, written in batches: cells to JSON objects, these to sealed
 * lines, scores to record lines (docs/format.md, sections 4 and 7). What is not plain text is left
 * to the slow twin in medchain/ledger/lines.py. */

#include <string.h>

#include "medchain.h"

enum { SALT = 16, HASH = 32, MILLION = 1000000 };

/* Where the next byte goes; room is checked before anything is put. */
struct text {
    uint8_t *at, *end;
};

static int has_room(const struct text *out, size_t size)
{
    return (size_t)(out->end - out->at) >= size;
}

static void put(struct text *out, const void *bytes, size_t size)
{
    memcpy(out->at, bytes, size);
    out->at += size;
}

#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static void put_hex(struct text *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out->at++ = (uint8_t)digits[bytes[i] >> 4];
        *out->at++ = (uint8_t)digits[bytes[i] & 15];
    }
}

static void put_decimal(struct text *out, uint64_t number)
{
    uint8_t digits[20], *at = digits + sizeof digits;
    do
        *--at = (uint8_t)('0' + number % 10);
    while ((number /= 10) != 0);
    put(out, at, (size_t)(digits + sizeof digits - at));
}

/* A score that is a whole number of millionths, as the format writes it: 0.412, 0.0. */
static int put_score(struct text *out, double score)
{
    if (!(score > -1e9 && score < 1e9))
        return 0;
    const uint64_t millionths = (uint64_t)((score < 0 ? -score : score) * MILLION + 0.5);
    const double exact = (double)millionths / MILLION;
    if (exact != score && exact != -score)
        return 0;
    if (score < 0)
        *out->at++ = '-';
    put_decimal(out, millionths / MILLION);
    *out->at++ = '.';
    uint32_t rest = (uint32_t)(millionths % MILLION);
    do {
        rest *= 10;
        *out->at++ = (uint8_t)('0' + rest / MILLION);
        rest %= MILLION;
    } while (rest != 0);
    return 1;
}

/* Bytes that JSON writes as they stand. */
static int is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
}

/* One cell; *from is moved to the byte that ends it. */
static int put_cell(struct text *out, const uint8_t **from, uint8_t delimiter)
{
    const uint8_t *at = *from;
    uint8_t *to = out->at;
    for (; *at != delimiter && *at != '\n'; at++) {
        if (!is_plain(*at))
            return 0;
        *to++ = *at;
    }
    *from = at;
    out->at = to;
    return 1;
}

int medchain_row_objects(const uint8_t *rows, size_t size, uint8_t delimiter,
                         const uint8_t *names, size_t names_size,
                         uint8_t *out, size_t capacity, size_t *written)
{
    struct text text = {out, out + capacity};
    const uint8_t *end = rows + size, *names_end = names + names_size;
    if (size == 0 || end[-1] != '\n' || names_size == 0 || names_end[-1] != '\n')
        return MEDCHAIN_BAD_ARGUMENT;
    while (rows < end) {
        const uint8_t *feed = memchr(rows, '\n', (size_t)(end - rows));
        if (!has_room(&text, names_size + (size_t)(feed - rows) + 3))
            return MEDCHAIN_BAD_ARGUMENT;
        for (const uint8_t *name = names; name < names_end; rows++) {
            const uint8_t *stop = memchr(name, '\n', (size_t)(names_end - name));
            put(&text, name, (size_t)(stop - name));
            if (!put_cell(&text, &rows, delimiter))
                return MEDCHAIN_NOT_PLAIN;
            name = stop + 1;
            if ((*rows == '\n') != (name == names_end))
                return MEDCHAIN_BAD_ARGUMENT;
        }
        PUT(&text, "\"}\n");
    }
    *written = (size_t)(text.at - out);
    return MEDCHAIN_OK;
}

/* The row object that is next, and the end of the line; *objects is moved behind it. */
static int put_object(struct text *out, const uint8_t **objects, const uint8_t *end)
{
    const uint8_t *feed = memchr(*objects, '\n', (size_t)(end - *objects));
    if (feed == NULL || !has_room(out, (size_t)(feed - *objects) + 2))
        return 0;
    put(out, *objects, (size_t)(feed - *objects));
    PUT(out, "}\n");
    *objects = feed + 1;
    return 1;
}

int medchain_sealed_lines(const uint8_t *objects, size_t size, const uint8_t *salts, size_t count,
                          const uint8_t *ledger, uint64_t first,
                          uint8_t *out, size_t capacity, size_t *written)
{
    struct text text = {out, out + capacity};
    const uint8_t *end = size > 0 ? objects + size : objects;
    if (size > 0 && end[-1] != '\n')
        return MEDCHAIN_BAD_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (!has_room(&text, MEDCHAIN_LINE_ROOM))
            return MEDCHAIN_BAD_ARGUMENT;
        PUT(&text, "{\"salt\":\"");
        put_hex(&text, salts + SALT * i, SALT);
        PUT(&text, "\",\"ledger\":\"");
        put(&text, ledger, (size_t)2 * SALT);
        PUT(&text, "\",\"record\":");
        put_decimal(&text, first + i);
        PUT(&text, ",\"row\":");
        if (!put_object(&text, &objects, end))
            return MEDCHAIN_BAD_ARGUMENT;
    }
    *written = (size_t)(text.at - out);
    return objects == end ? MEDCHAIN_OK : MEDCHAIN_BAD_ARGUMENT;
}

static int put_verdict(struct text *out, uint64_t number, double score, double threshold)
{
    PUT(out, "{\"record\":");
    put_decimal(out, number);
    PUT(out, ",\"score\":");
    if (!put_score(out, score))
        return 0;
    if (score >= threshold)
        PUT(out, ",\"anomaly\":true,");
    else
        PUT(out, ",\"anomaly\":false,");
    return 1;
}

int medchain_sealed_records(const double *scores, const uint8_t *seals, size_t count,
                            double threshold, uint64_t first,
                            uint8_t *out, size_t capacity, size_t *written)
{
    struct text text = {out, out + capacity};
    for (size_t i = 0; i < count; i++) {
        if (!has_room(&text, MEDCHAIN_LINE_ROOM))
            return MEDCHAIN_BAD_ARGUMENT;
        if (!put_verdict(&text, first + i, scores[i], threshold))
            return MEDCHAIN_NOT_PLAIN;
        PUT(&text, "\"seal\":\"");
        put_hex(&text, seals + HASH * i, HASH);
        PUT(&text, "\"}\n");
    }
    *written = (size_t)(text.at - out);
    return MEDCHAIN_OK;
}

int medchain_open_records(const double *scores, const uint8_t *objects, size_t size, size_t count,
                          double threshold, uint64_t first,
                          uint8_t *out, size_t capacity, size_t *written)
{
    struct text text = {out, out + capacity};
    const uint8_t *end = size > 0 ? objects + size : objects;
    if (size > 0 && end[-1] != '\n')
        return MEDCHAIN_BAD_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (!has_room(&text, MEDCHAIN_LINE_ROOM))
            return MEDCHAIN_BAD_ARGUMENT;
        if (!put_verdict(&text, first + i, scores[i], threshold))
            return MEDCHAIN_NOT_PLAIN;
        PUT(&text, "\"row\":");
        if (!put_object(&text, &objects, end))
            return MEDCHAIN_BAD_ARGUMENT;
    }
    *written = (size_t)(text.at - out);
    return objects == end ? MEDCHAIN_OK : MEDCHAIN_BAD_ARGUMENT;
}
