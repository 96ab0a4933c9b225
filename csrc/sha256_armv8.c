/* SHA-256 with the Cryptography Extensions of ARMv8: sha256h and sha256h2 run four rounds on the two
 * halves of the state, and sha256su0 and sha256su1 compute four words of the message schedule (Arm
 * ARM, DDI 0487, section C7.2; ACLE, section "SHA2"). The target attribute compiles this file for any
 * AArch64; dispatch.c decides at run time whether it may be called. */

#include "kernels.h"

#if MC_HAS_ARMV8

/* Clang before 16 hides the intrinsics from files that are not compiled for them as a whole. */
#if defined(__clang__) && !defined(__ARM_FEATURE_SHA2)
#define __ARM_FEATURE_CRYPTO 1
#define __ARM_FEATURE_SHA2 1
#endif
#include <arm_neon.h>

#ifdef __clang__
#define TARGET __attribute__((target("sha2")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif
#define STEP TARGET static inline __attribute__((always_inline))

/* One message in flight: the state, and the last 16 words of the schedule, four in a register:
 * words 4g to 4g+3 stand in w[g mod 4]. */
struct lane {
    uint32x4_t abcd, efgh;
    uint32x4_t w[4];
};

/* Words 4g to 4g+3 of the schedule, for a group g of 4 or more, from the 16 words before them: the
 * half that needs words 4g-16 to 4g-12, and then the half that needs words 4g-7 to 4g-1. */
STEP void begin_schedule(struct lane *x, unsigned group)
{
    x->w[group & 3] = vsha256su0q_u32(x->w[group & 3], x->w[(group + 1) & 3]);
}

STEP void end_schedule(struct lane *x, unsigned group)
{
    x->w[group & 3] = vsha256su1q_u32(x->w[group & 3], x->w[(group + 2) & 3], x->w[(group + 3) & 3]);
}

/* Rounds 4g to 4g+3. */
STEP void rounds(struct lane *x, unsigned group)
{
    const uint32x4_t abcd = x->abcd;
    const uint32x4_t wk = vaddq_u32(x->w[group & 3], vld1q_u32(mc_round_constants + 4 * group));
    x->abcd = vsha256hq_u32(abcd, x->efgh, wk);
    x->efgh = vsha256h2q_u32(x->efgh, abcd, wk);
}

STEP void scheduled_rounds(struct lane *x, unsigned group)
{
    begin_schedule(x, group);
    end_schedule(x, group);
    rounds(x, group);
}

/* STEP_OF(group) for the groups of rounds 32 to 63, and of 16 to 63, unrolled whatever the optimiser
 * thinks. */
#define GROUPS_8_TO_15(STEP_OF) \
    STEP_OF(8) STEP_OF(9) STEP_OF(10) STEP_OF(11) STEP_OF(12) STEP_OF(13) STEP_OF(14) STEP_OF(15)
#define GROUPS_4_TO_15(STEP_OF) \
    STEP_OF(4) STEP_OF(5) STEP_OF(6) STEP_OF(7) GROUPS_8_TO_15(STEP_OF)

STEP void load_state(struct lane *x, const uint32_t s[8])
{
    x->abcd = vld1q_u32(s);
    x->efgh = vld1q_u32(s + 4);
}

STEP void add_state(struct lane *x, const struct lane *before)
{
    x->abcd = vaddq_u32(x->abcd, before->abcd);
    x->efgh = vaddq_u32(x->efgh, before->efgh);
}

STEP void load_words(struct lane *x, const uint8_t *chunk)
{
    for (unsigned i = 0; i < 4; i++)
        x->w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(chunk + 16 * i)));
}

TARGET void mc_compress_armv8(uint32_t state[8], const uint8_t *chunks, size_t count)
{
    struct lane x;
    load_state(&x, state);
    for (; count > 0; count--, chunks += 64) {
        const struct lane before = x;
        load_words(&x, chunks);
        rounds(&x, 0);
        rounds(&x, 1);
        rounds(&x, 2);
        rounds(&x, 3);
#define ONE(group) scheduled_rounds(&x, group);
        GROUPS_4_TO_15(ONE)
#undef ONE
        add_state(&x, &before);
    }
    vst1q_u32(state, x.abcd);
    vst1q_u32(state + 4, x.efgh);
}

STEP void store_digest(const struct lane *x, uint8_t *digest)
{
    vst1q_u8(digest, vrev32q_u8(vreinterpretq_u8_u32(x->abcd)));
    vst1q_u8(digest + 16, vrev32q_u8(vreinterpretq_u8_u32(x->efgh)));
}

/* Every lane waits several cycles for its own rounds: lanes in step fill the gaps. Four take 24 of
 * the 32 registers. */
#define EACH(step, group) step(&a, group); step(&b, group); step(&c, group); step(&d, group);

TARGET void mc_digests_armv8(const uint8_t *const *messages, size_t chunks, uint8_t *const *digests)
{
    struct lane a, b, c, d;
    load_state(&a, mc_initial);
    b = c = d = a;
    for (size_t at = 0; at < 64 * chunks; at += 64) {
        const struct lane a0 = a, b0 = b, c0 = c, d0 = d;
        load_words(&a, messages[0] + at);
        load_words(&b, messages[1] + at);
        load_words(&c, messages[2] + at);
        load_words(&d, messages[3] + at);
        EACH(rounds, 0)
        EACH(rounds, 1)
        EACH(rounds, 2)
        EACH(rounds, 3)
#define EACH_SCHEDULED(group) EACH(scheduled_rounds, group)
        GROUPS_4_TO_15(EACH_SCHEDULED)
        add_state(&a, &a0);
        add_state(&b, &b0);
        add_state(&c, &c0);
        add_state(&d, &d0);
    }
    store_digest(&a, digests[0]);
    store_digest(&b, digests[1]);
    store_digest(&c, digests[2]);
    store_digest(&d, digests[3]);
}

/* What all nonces share: rounds 0 to 11 and words 0 to 19 as they are with a low word of zero. Round
 * 11 and word 18 only add the low word to what comes from elsewhere, and so it is added afterwards:
 * to a and e, and to word 18. Words 20 to 23 and 28 to 31 are begun: words 4 to 8 and 12 to 16 see no
 * nonce either. */
STEP void prepare(struct lane *common, const struct mc_search *search)
{
    load_state(common, search->midstate);
    for (unsigned i = 0; i < 4; i++)
        common->w[i] = vld1q_u32(search->block + 4 * i);
    common->w[2] = vsetq_lane_u32(0, common->w[2], 3);
    rounds(common, 0);
    rounds(common, 1);
    rounds(common, 2);
    begin_schedule(common, 4);
    end_schedule(common, 4);
    begin_schedule(common, 5);
}

STEP struct lane start(const struct lane *common, uint32_t low)
{
    const uint32x4_t zero = vdupq_n_u32(0), nonce = vsetq_lane_u32(low, zero, 0);
    struct lane x = *common;
    x.abcd = vaddq_u32(x.abcd, nonce);
    x.efgh = vaddq_u32(x.efgh, nonce);
    x.w[0] = vaddq_u32(x.w[0], vextq_u32(zero, nonce, 2));
    x.w[2] = vsetq_lane_u32(low, x.w[2], 3);
    return x;
}

/* A lane past the end of the range is computed and ignored. */
TARGET uint32_t mc_search_armv8(const struct mc_search *search, uint32_t first, uint32_t count)
{
    enum { LANES = 4 };
    const uint32x4_t before = vdupq_n_u32(search->midstate[0]), mask = vdupq_n_u32(search->mask);
    struct lane common, later;
    prepare(&common, search);
    later = common;
    begin_schedule(&later, 7);

    for (uint32_t i = 0; i < count; i += LANES) {
        struct lane a = start(&common, first + i), b = start(&common, first + i + 1);
        struct lane c = start(&common, first + i + 2), d = start(&common, first + i + 3);
        EACH(rounds, 3)
        EACH(rounds, 4)
        EACH(end_schedule, 5)
        EACH(rounds, 5)
        EACH(scheduled_rounds, 6)
        a.w[3] = b.w[3] = c.w[3] = d.w[3] = later.w[3];
        EACH(end_schedule, 7)
        EACH(rounds, 7)
        GROUPS_8_TO_15(EACH_SCHEDULED)
        const uint32x4_t ac = vzip1q_u32(a.abcd, c.abcd), bd = vzip1q_u32(b.abcd, d.abcd);
        const uint32x4_t words = vaddq_u32(vzip1q_u32(ac, bd), before);
        uint32_t misses[LANES];
        vst1q_u32(misses, vtstq_u32(words, mask));
        for (uint32_t lane = 0; lane < LANES; lane++)
            if (misses[lane] == 0)
                return i + lane < count ? i + lane : count;
    }
    return count;
}

#endif
