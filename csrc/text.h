/* Reading the text of a ledger: each function takes the place at which something must begin and
 * returns the place behind it, or NULL where it is not there in the form that our writer gives it.
 *
 * None looks for the end of its input: the caller sees to it that MC_MARGIN bytes can be read from
 * the first byte of what it passes on, which is more than any literal, number or hash takes. */

#ifndef MEDCHAIN_TEXT_H
#define MEDCHAIN_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { MC_MARGIN = 256 };

/* Numbers of the format are below this one (docs/format.md, section 3). */
#define MC_LIMIT (UINT64_C(1) << 53)

/* A literal of the source, without its NUL; p may be NULL, so that calls can be chained. */
#define mc_literal(p, text) mc_same((p), (text), sizeof(text) - 1)

static inline const uint8_t *mc_same(const uint8_t *p, const char *text, size_t size)
{
    return p != NULL && memcmp(p, text, size) == 0 ? p + size : NULL;
}

static inline int mc_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

/* Whether these 16 bytes are all of 0 to 9 and a to f. */
static inline int mc_are_hex(const uint8_t *p)
{
#if defined(__SSE2__)
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    __m128i digit = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(text, _mm_set1_epi8('a'));
    __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i letters = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
    return _mm_movemask_epi8(_mm_or_si128(digits, letters)) == 0xffff;
#elif defined(__aarch64__)
    uint8x16_t text = vld1q_u8(p);
    uint8x16_t digits = vcleq_u8(vsubq_u8(text, vdupq_n_u8('0')), vdupq_n_u8(9));
    uint8x16_t letters = vcleq_u8(vsubq_u8(text, vdupq_n_u8('a')), vdupq_n_u8(5));
    return vminvq_u8(vorrq_u8(digits, letters)) != 0;
#else
    int all = 1;
    for (int i = 0; i < 16; i++)
        all &= mc_is_digit(p[i]) | ((uint8_t)(p[i] - 'a') <= 5);
    return all;
#endif
}

/* How many of these 16 bytes stand for themselves in a JSON string, up to the first that does not:
 * a quote, a backslash, or a byte outside 0x20 to 0x7E. */
static inline unsigned mc_plain(const uint8_t *p)
{
#if defined(__SSE2__)
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    __m128i quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'));
    __m128i below = _mm_cmplt_epi8(text, _mm_set1_epi8(0x20)); /* signed: 0x80 to 0xff as well */
    __m128i above = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));
    __m128i other = _mm_or_si128(_mm_or_si128(quote, slash), _mm_or_si128(below, above));
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(other) | 0x10000);
#elif defined(__aarch64__)
    uint8x16_t text = vld1q_u8(p);
    uint8x16_t quote = vceqq_u8(text, vdupq_n_u8('"')), slash = vceqq_u8(text, vdupq_n_u8('\\'));
    uint8x16_t foreign = vcgtq_u8(vsubq_u8(text, vdupq_n_u8(0x20)), vdupq_n_u8(0x5e));
    uint16x8_t other = vreinterpretq_u16_u8(vorrq_u8(vorrq_u8(quote, slash), foreign));
    uint64_t nibbles = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(other, 4)), 0);
    return nibbles == 0 ? 16 : (unsigned)__builtin_ctzll(nibbles) / 4;
#else
    unsigned i = 0;
    while (i < 16 && p[i] != '"' && p[i] != '\\' && (uint8_t)(p[i] - 0x20) <= 0x5e)
        i++;
    return i;
#endif
}

/* `size` lower-case hex digits, a multiple of 16. */
static inline const uint8_t *mc_hex(const uint8_t *p, size_t size)
{
    if (p == NULL)
        return NULL;
    int all = 1;
    for (size_t i = 0; i < size; i += 16)
        all &= mc_are_hex(p + i);
    return all ? p + size : NULL;
}

/* The value of one lower-case hex digit. */
static inline uint8_t mc_nibble(uint8_t digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* 64 hex digits, and the 32 bytes that they are. */
static inline const uint8_t *mc_hash(const uint8_t *p, uint8_t out[32])
{
    const uint8_t *end = mc_hex(p, 64);
    for (size_t i = 0; end != NULL && i < 32; i++)
        out[i] = (uint8_t)(mc_nibble(p[2 * i]) << 4 | mc_nibble(p[2 * i + 1]));
    return end;
}

/* A whole number in plain decimal, below 2^53. */
static inline const uint8_t *mc_whole(const uint8_t *p, uint64_t *value)
{
    if (p == NULL || !mc_is_digit(*p))
        return NULL;
    const uint8_t *start = p;
    for (*value = 0; mc_is_digit(*p) && p - start < 17; p++)
        *value = *value * 10 + (uint64_t)(*p - '0');
    return (*start == '0' && p - start > 1) || *value >= MC_LIMIT ? NULL : p;
}

/* Eight digits at once, the first of them in the lowest byte and their zeros taken off: neighbours
 * are joined to two digits, to four, and to eight (D. Lemire, "Quickly parsing eight digits"). */
static inline uint64_t mc_eight_digits(uint64_t digits)
{
    const uint64_t mask = 0x000000ff000000ff;
    digits = digits * 10 + (digits >> 8);
    return ((digits & mask) * 0x000f424000000064 + (digits >> 16 & mask) * 0x0000271000000001) >> 32;
}

/* The digits behind the point, one to six of them, as a count of millionths. */
static inline const uint8_t *mc_fraction(const uint8_t *p, int64_t *millionths)
{
    uint64_t digits = 0;
    for (unsigned i = 0; i < 8; i++)
        digits |= (uint64_t)p[i] << 8 * i;
    digits ^= 0x3030303030303030;
    /* The lowest set bit belongs to the first byte above 9: no carry comes from below it. */
    uint64_t others = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
    unsigned count = others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
    if (count == 0 || count > 6)
        return NULL;
    digits &= (UINT64_C(1) << 8 * count) - 1;
    *millionths = (int64_t)(mc_eight_digits(digits) / 100);
    return p + count;
}

/* A decimal number in the grammar of a score, exactly, in millionths. The binary64 numbers nearest
 * to two of these compare as they do: below 10^9 such numbers are less than 10^-6 apart. */
static inline const uint8_t *mc_decimal(const uint8_t *p, int64_t *millionths)
{
    if (p == NULL)
        return NULL;
    int negative = *p == '-';
    const uint8_t *start = p += negative;
    int64_t whole = 0, part = 0;
    for (; mc_is_digit(*p) && p - start < 10; p++)
        whole = whole * 10 + (*p - '0');
    if (p == start || p - start > 9 || (*start == '0' && p - start > 1))
        return NULL;
    if (*p == '.')
        p = mc_fraction(p + 1, &part);
    int64_t value = whole * 1000000 + part;
    *millionths = negative ? -value : value;
    return p;
}

#endif
